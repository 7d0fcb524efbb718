// Made by "npm run types" from the OpenAPI document.
export interface paths {
    "/api/v1/programs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Programs
         * @description List the programs, each with the options that searches may use, and with the formats of results.
         *
         *     Readers of a share link may read them too.
         */
        get: operations["list_programs_api_v1_programs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Searches
         * @description List searches, by default the newest first.
         */
        get: operations["list_searches_api_v1_searches_get"];
        put?: never;
        /**
         * Create Search
         * @description Queue a search; ``Location`` holds its URL. The same Idempotency-Key returns the existing search.
         */
        post: operations["create_search_api_v1_searches_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/preflight": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Preflight
         * @description Check a search without running it: the plan, and every problem with its remedy.
         */
        post: operations["preflight_api_v1_searches_preflight_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow Searches
         * @description Stream changed searches: ``search`` with its new state, ``deleted``, or ``reload`` if any may have changed.
         *
         *     The stream ends when the caller loses the right to read.
         */
        get: operations["follow_searches_api_v1_searches_events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Search
         * @description Read a search.
         */
        get: operations["read_search_api_v1_searches__search_id__get"];
        put?: never;
        post?: never;
        /**
         * Delete Search
         * @description Delete a finished search, with its results and share links.
         */
        delete: operations["delete_search_api_v1_searches__search_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/pieces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Pieces
         * @description List the finished BLAST+ processes of a search. Readers of a share link see numbers instead of nodes' names.
         */
        get: operations["read_pieces_api_v1_searches__search_id__pieces_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/running": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Running
         * @description List the running BLAST+ processes of a search on all nodes.
         */
        get: operations["read_running_api_v1_searches__search_id__running_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Log
         * @description Read the log of a search, oldest entry first.
         */
        get: operations["read_log_api_v1_searches__search_id__log_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Events
         * @description Stream a search: first its state now, then every change. A revoked share link ends the stream.
         */
        get: operations["read_events_api_v1_searches__search_id__events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel Search
         * @description Cancel a search.
         */
        post: operations["cancel_search_api_v1_searches__search_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry Search
         * @description Run a search again: a failed one resumes from its finished pieces, a cancelled one starts from the beginning.
         */
        post: operations["retry_search_api_v1_searches__search_id__retry_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Results
         * @description Print the result as BLAST+ prints it, in any format. Range requests are supported.
         *
         *     For selected queries the output is that of BLAST+ for these queries alone. For selected hits the other hits are
         *     left out of the result, and E-values and statistics stay those of the search. POST accepts longer selections.
         */
        get: operations["read_results_api_v1_searches__search_id__results_get"];
        put?: never;
        /**
         * Read Results
         * @description Print the result as BLAST+ prints it, in any format. Range requests are supported.
         *
         *     For selected queries the output is that of BLAST+ for these queries alone. For selected hits the other hits are
         *     left out of the result, and E-values and statistics stay those of the search. POST accepts longer selections.
         */
        post: operations["read_results_api_v1_searches__search_id__results_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/subjects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Subjects
         * @description Read the subjects of hits as FASTA, each once: full length, or a region of one. POST accepts more hits.
         */
        get: operations["read_subjects_api_v1_searches__search_id__subjects_get"];
        put?: never;
        /**
         * Read Subjects
         * @description Read the subjects of hits as FASTA, each once: full length, or a region of one. POST accepts more hits.
         */
        post: operations["read_subjects_api_v1_searches__search_id__subjects_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Report
         * @description Read the report: verdicts, shards, times, versions, the equivalent BLAST+ command, and the citation.
         */
        get: operations["read_report_api_v1_searches__search_id__report_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/queries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Queries
         * @description List the queries, each with its counts and verdict.
         */
        get: operations["read_queries_api_v1_searches__search_id__queries_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/hits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Hits
         * @description List the hits of a query.
         */
        get: operations["read_hits_api_v1_searches__search_id__hits_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/organisms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Organisms
         * @description List the organisms of a query's hits, as a tree where their lineages are known.
         */
        get: operations["read_organisms_api_v1_searches__search_id__organisms_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/hsps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Hsps
         * @description List the HSPs of a hit, with the rows of their alignments.
         */
        get: operations["read_hsps_api_v1_searches__search_id__hsps_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/spans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Spans
         * @description Read the positions of the HSPs of a query's first hits, for a graphical summary.
         */
        get: operations["read_spans_api_v1_searches__search_id__spans_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/lists/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read List
         * @description Read a list of ids or taxids of the search, as it was submitted.
         */
        get: operations["read_list_api_v1_searches__search_id__lists__name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/query": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Query
         * @description Read the queries, as they were submitted.
         */
        get: operations["read_query_api_v1_searches__search_id__query_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/share": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create Share
         * @description Create a link with which anyone may read this search. Its token is returned only here.
         */
        post: operations["create_share_api_v1_searches__search_id__share_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/shares": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Shares
         * @description List the links of a search, without their tokens.
         */
        get: operations["list_shares_api_v1_searches__search_id__shares_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}/shares/{share_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke Share
         * @description Revoke a link at once.
         */
        delete: operations["revoke_share_api_v1_searches__search_id__shares__share_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Databases
         * @description List the databases by name, each with how much of it is on the disks and in the memory of nodes now.
         */
        get: operations["list_databases_api_v1_databases_get"];
        put?: never;
        /**
         * Add Database
         * @description Add a database: register files of the server in place (201), or copy them from the source in a task (202).
         */
        post: operations["add_database_api_v1_databases_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Database
         * @description Read a database, with how much of it is on the disks and in the memory of nodes now.
         */
        get: operations["read_database_api_v1_databases__name__get"];
        put?: never;
        post?: never;
        /**
         * Remove Database
         * @description Remove a database. Files that are used in place are kept.
         *
         *     ``force`` cancels the searches that use it, and gives up the results that can't be printed without it.
         */
        delete: operations["remove_database_api_v1_databases__name__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}/use": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Use
         * @description List the searches and tasks that use a database, and count the results that its removal would lose.
         */
        get: operations["read_use_api_v1_databases__name__use_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}/warm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Warm Database
         * @description Start to copy a database to the nodes, or to this machine without a cluster, and to read it into memory.
         */
        post: operations["warm_database_api_v1_databases__name__warm_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}/update": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Update Database
         * @description Update a database from its source in a task (202). Searches continue in the old generation meanwhile.
         *
         *     A database that is used in place is read again at once (200).
         */
        post: operations["update_database_api_v1_databases__name__update_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}/updates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check Updates
         * @description Check whether the source has a newer version.
         */
        get: operations["check_updates_api_v1_databases__name__updates_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/databases/{name}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Plan Database
         * @description Plan the shards of a database for a number of nodes, and check whether they fit in memory.
         */
        get: operations["plan_database_api_v1_databases__name__plan_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Tasks
         * @description List tasks, newest first.
         */
        get: operations["list_tasks_api_v1_tasks_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow Tasks
         * @description Stream changed tasks: ``task`` with its new state, or ``reload`` if any may have changed, as at the start.
         *
         *     The stream ends when the caller loses the right to read.
         */
        get: operations["follow_tasks_api_v1_tasks_events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Task
         * @description Read a task.
         */
        get: operations["read_task_api_v1_tasks__task_id__get"];
        put?: never;
        post?: never;
        /**
         * Dismiss Task
         * @description Remove a finished task from the lists. Only its owner and administrators may.
         */
        delete: operations["dismiss_task_api_v1_tasks__task_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Events
         * @description Stream a task: first its state now, then every change.
         */
        get: operations["read_events_api_v1_tasks__task_id__events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel Task
         * @description Cancel a task. Only its owner and administrators may.
         */
        post: operations["cancel_task_api_v1_tasks__task_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry Task
         * @description Start a failed or cancelled task again, as a new task.
         */
        post: operations["retry_task_api_v1_tasks__task_id__retry_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Nodes
         * @description List the nodes, with the volumes on their disks and in their memory now.
         */
        get: operations["list_nodes_api_v1_nodes_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow Nodes
         * @description Stream changes of the nodes. ``nodes`` lists all of them first; then come ``node``, ``gone`` and ``scaling``.
         *
         *     The stream ends when the caller loses the right to read.
         */
        get: operations["follow_nodes_api_v1_nodes_events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/scaling": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Scaling
         * @description Read how many nodes there are, are requested and are needed.
         */
        get: operations["read_scaling_api_v1_nodes_scaling_get"];
        put?: never;
        /**
         * Scale
         * @description Request a number of nodes from Kubernetes. They start and stop in their own time, and drain before they stop.
         *
         *     The answer is 409 if the nodes do not run on Kubernetes, if more nodes are needed now, and above the maximum.
         */
        post: operations["scale_api_v1_nodes_scaling_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Me
         * @description Return the caller, the caller's scopes and the way of signing in.
         */
        get: operations["read_me_api_v1_me_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Answer while the process is running.
         */
        get: operations["health_health_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ready
         * @description Answer while the service can answer requests, and say which parts that searches need are away.
         */
        get: operations["ready_ready_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics
         * @description Return Prometheus metrics.
         */
        get: operations["metrics_metrics_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/ways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Ways
         * @description List the ways to sign in.
         */
        get: operations["list_ways_auth_ways_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Login
         * @description Redirect a browser to the issuer to sign in.
         */
        get: operations["login_auth_login_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Callback
         * @description Begin a new session for a browser that the issuer sends back.
         */
        get: operations["callback_auth_callback_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign In With Token
         * @description Begin a browser session with an API token; it ends with the token.
         */
        post: operations["sign_in_with_token_auth_token_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Logout
         * @description End the browser's session here; its session at the issuer continues.
         */
        post: operations["logout_auth_logout_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/blast/Blast.cgi": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get
         * @description Handle CMD=Put, Get or Delete, with parameters in the URL.
         */
        get: operations["get_blast_Blast_cgi_get"];
        put?: never;
        /**
         * Post
         * @description Handle CMD=Put, Get or Delete, with parameters in the URL or in a form.
         */
        post: operations["post_blast_Blast_cgi_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * DatabaseIn
         * @description A database to serve.
         */
        DatabaseIn: {
            /** Name */
            name: string;
            /**
             * Source
             * @description BLAST database on the server (no suffix), FASTA file, ncbi:NAME, or another storage's database
             */
            source: string;
            /**
             * Copy
             * @description Copy a BLAST database into the storage; otherwise it is used in place
             * @default false
             */
            copy: boolean;
            /**
             * Replace
             * @description Replace a database of this name from another source; never one of the other molecule
             * @default false
             */
            replace: boolean;
            /** @description Molecule of a FASTA file; null: detected automatically */
            molecule?: components["schemas"]["Molecule"] | null;
            /**
             * Title
             * @description Title of a database made from a FASTA file
             * @default
             */
            title: string;
            /**
             * Taxid Map
             * @description File on the server with an id and a taxid per line
             */
            taxid_map?: string | null;
            /**
             * Base
             * @description URL of a mirror of NCBI's databases
             */
            base?: string | null;
        };
        /**
         * DatabaseOfReport
         * @description The database that was searched.
         */
        DatabaseOfReport: {
            /** Name */
            name: string;
            /** Generation */
            generation: string;
        };
        /**
         * DatabaseOut
         * @description A database.
         */
        DatabaseOut: {
            /** Name */
            name: string;
            /**
             * Molecule
             * @enum {string}
             */
            molecule: "nucleotide" | "protein";
            /** Generation */
            generation: string;
            /** Title */
            title: string;
            /** Date */
            date: string;
            /** Num Seqs */
            num_seqs: number;
            /** Letters */
            letters: number;
            /** Max Length */
            max_length: number;
            /** Volumes */
            volumes: number;
            /**
             * Size Bytes
             * @description Size of all files
             */
            size_bytes: number;
            /**
             * Mapped Bytes
             * @description Size of the files that a search maps into memory
             */
            mapped_bytes: number;
            /** Has Ids */
            has_ids: boolean;
            /** Has Taxids */
            has_taxids: boolean;
            /** Masks */
            masks: string[];
            /** Source Version */
            source_version: string;
            /** In Place */
            in_place: boolean;
            /** Added */
            added: number;
            here: components["schemas"]["PresenceOut"];
        };
        /**
         * EntryOut
         * @description A line of a search's log.
         */
        EntryOut: {
            /**
             * At
             * @description Seconds since 1970; null in entries of an earlier version
             */
            at: number | null;
            /**
             * Level
             * @enum {string}
             */
            level: "note" | "warning" | "problem";
            /** Text */
            text: string;
        };
        /**
         * FailureOut
         * @description Why a search failed.
         */
        FailureOut: {
            /** Code */
            code: string;
            /** Problem */
            problem: string;
            /** Remedy */
            remedy: string;
        };
        /**
         * FormatOut
         * @description An output format of BLAST+, and the file in which a result of this format is sent.
         */
        FormatOut: {
            /** Number */
            number: number;
            /** Name */
            name: string;
            kind: components["schemas"]["Syntax"];
            /**
             * Suffix
             * @description Ending of the file's name, without a dot
             */
            suffix: string;
            /** Media Type */
            media_type: string;
            /**
             * Columns
             * @description Columns that may follow the number; empty if it takes none
             */
            columns: string[];
            /**
             * Options
             * @description Names of the output options that change it
             */
            options: string[];
        };
        /** HTTPValidationError */
        HTTPValidationError: {
            /** Detail */
            detail?: components["schemas"]["ValidationError"][];
        };
        /**
         * HeldGenerationOut
         * @description The volumes of a generation of a database on a node.
         */
        HeldGenerationOut: {
            /** Database */
            database: string;
            /** Generation */
            generation: string;
            /**
             * In Place
             * @description Whether the files are used in place, and are not a copy of the node
             */
            in_place: boolean;
            /**
             * Num Volumes
             * @description Number of volumes of the whole generation
             */
            num_volumes: number;
            /** Size Bytes */
            size_bytes: number;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Resident Bytes */
            resident_bytes: number | null;
            /** Volumes */
            volumes: components["schemas"]["HeldVolumeOut"][];
        };
        /**
         * HeldVolumeOut
         * @description A complete volume on a node's disk.
         */
        HeldVolumeOut: {
            /** Name */
            name: string;
            /**
             * Size Bytes
             * @description Size of all its files
             */
            size_bytes: number;
            /**
             * Mapped Bytes
             * @description Size of the files that a search maps into memory
             */
            mapped_bytes: number;
            /**
             * Resident Bytes
             * @description How much of mapped_bytes is in memory now; null if unknown
             */
            resident_bytes: number | null;
        };
        /**
         * HitRow
         * @description A subject that a query hits; the scores are those of its best HSP.
         */
        HitRow: {
            /** Query */
            query: number;
            /**
             * Rank
             * @description 0-based, in BLAST+'s order
             */
            rank: number;
            /**
             * Id
             * @description sseqid
             */
            id: string;
            /**
             * Subject
             * @description saccver
             */
            subject: string;
            /** Title */
            title: string;
            /** Length */
            length: number;
            /** Taxids */
            taxids: string | null;
            /**
             * Names
             * @description Scientific names
             */
            names: string | null;
            /** Evalue */
            evalue: number;
            /** Bit Score */
            bit_score: number;
            /** Total Score */
            total_score: number;
            /**
             * Coverage
             * @description qcovs, in percent
             */
            coverage: number;
            /**
             * Identity
             * @description Percent
             */
            identity: number;
            /** Hsps */
            hsps: number;
        };
        /**
         * HitsOut
         * @description A page of the hits of a query.
         */
        HitsOut: {
            /** Rows */
            rows: components["schemas"]["HitRow"][];
            /**
             * Next
             * @description Start of the next page, or null
             */
            next: number | null;
            /**
             * Total
             * @description Number of matching hits on all pages
             */
            total: number;
        };
        /**
         * HspRow
         * @description An HSP with the rows of its alignment; positions are 1-based, both ends inclusive.
         */
        HspRow: {
            /** Query */
            query: number;
            /** Rank */
            rank: number;
            /**
             * Number
             * @description 0-based within the hit
             */
            number: number;
            /** Evalue */
            evalue: number;
            /** Bit Score */
            bit_score: number;
            /** Raw Score */
            raw_score: number;
            /** Identities */
            identities: number;
            /** Positives */
            positives: number;
            /** Length */
            length: number;
            /** Gaps */
            gaps: number;
            /** Gap Openings */
            gap_openings: number;
            /** Query Start */
            query_start: number;
            /** Query End */
            query_end: number;
            /** Subject Start */
            subject_start: number;
            /** Subject End */
            subject_end: number;
            /** Query Frame */
            query_frame: number;
            /** Subject Frame */
            subject_frame: number;
            /**
             * Coverage
             * @description qcovhsp, in percent
             */
            coverage: number;
            /** Query Row */
            query_row: string;
            /**
             * Middle
             * @description BLAST+'s line between the rows: letters or bars, and + for positive pairs
             */
            middle: string;
            /** Subject Row */
            subject_row: string;
        };
        /**
         * HspsOut
         * @description A page of the HSPs of a hit.
         */
        HspsOut: {
            /** Rows */
            rows: components["schemas"]["HspRow"][];
            /**
             * Next
             * @description Start of the next page, or null
             */
            next: number | null;
        };
        /**
         * IncidentOfReport
         * @description Something that cost a search time.
         */
        IncidentOfReport: {
            /** At */
            at: number | null;
            /** Text */
            text: string;
        };
        /**
         * LackCode
         * @description The missing resource; stable, part of the API.
         * @enum {string}
         */
        LackCode: "turn" | "scheduler" | "nodes" | "busy" | "shards" | "whole-database";
        /**
         * MeOut
         * @description The caller.
         */
        MeOut: {
            /**
             * Owner
             * @description Owner of the caller's searches
             */
            owner: string;
            /**
             * Name
             * @description Display name
             */
            name: string;
            /** Scopes */
            scopes: components["schemas"]["Scope"][];
            /** @description How the caller is signed in: nothing, token, issuer or session */
            by: components["schemas"]["Means"];
        };
        /**
         * Means
         * @description How a caller was identified.
         * @enum {string}
         */
        Means: "nothing" | "token" | "issuer" | "session";
        /**
         * Molecule
         * @description The molecule of a query or a database.
         * @enum {string}
         */
        Molecule: "nucleotide" | "protein";
        /**
         * NewShareOut
         * @description A new link. Its token and URL are returned only here.
         */
        NewShareOut: {
            /** Id */
            id: string;
            /** Created */
            created: number;
            /**
             * Token
             * @description Value of ?share= or of the header X-Share-Token
             */
            token: string;
            /** Url */
            url: string;
        };
        /**
         * NodeOut
         * @description A node, as it last reported.
         */
        NodeOut: {
            /** Name */
            name: string;
            /**
             * State
             * @description draining: the node finishes its work and takes no more
             * @enum {string}
             */
            state: "connected" | "draining" | "lost";
            /**
             * Last Seen
             * @description Seconds since 1970
             */
            last_seen: number;
            /**
             * Running
             * @description Number of running BLAST+ processes
             */
            running: number;
            /** Cores */
            cores: number;
            /** Memory Bytes */
            memory_bytes: number;
            /**
             * Disk Budget Bytes
             * @description Maximum size of its copies of databases
             */
            disk_budget_bytes: number;
            /** Disk Used Bytes */
            disk_used_bytes: number;
            /** Disk Free Bytes */
            disk_free_bytes: number;
            /** Generations */
            generations: components["schemas"]["HeldGenerationOut"][];
        };
        /**
         * NodesNeededOut
         * @description The number of nodes that are needed, and the reasons.
         */
        NodesNeededOut: {
            /**
             * Nodes
             * @description Nodes needed in total, at most `most`
             */
            nodes: number;
            /**
             * To Hold
             * @description Nodes needed to hold the databases in use in half of their memory
             */
            to_hold: number;
            /**
             * For Work
             * @description Nodes needed for the waiting pieces
             */
            for_work: number;
            /**
             * Busy
             * @description Nodes that can't stop now: up to the last one that runs a piece or holds a database in use
             */
            busy: number;
        };
        /**
         * OptionOut
         * @description An option of BLAST+, with BLAST+'s own description.
         */
        OptionOut: {
            /**
             * Name
             * @description Name without the dash
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "flag" | "text" | "whole" | "real" | "boolean";
            /**
             * Default
             * @description null if BLAST+ has no default, or if it depends on the task
             */
            default: string | null;
            /**
             * Choices
             * @description All allowed values; empty: any value of the kind
             */
            choices: string[];
            /** Least */
            least: number | null;
            /** Most */
            most: number | null;
            /** Description */
            description: string;
        };
        /**
         * OrganismRow
         * @description A taxon that has hits, or below which several taxa have hits.
         */
        OrganismRow: {
            /** Taxid */
            taxid: number;
            /**
             * Name
             * @description Scientific name
             */
            name: string | null;
            /**
             * Parent
             * @description The closest listed taxid above it
             */
            parent: number | null;
            /**
             * Via
             * @description Unlisted taxa between it and its parent, the highest first
             */
            via: string[];
            /**
             * Level
             * @description Number of listed taxa above it
             */
            level: number;
            /**
             * Hits
             * @description Hits of it and of taxa below it
             */
            hits: number;
            /**
             * Own Hits
             * @description Hits of it alone
             */
            own_hits: number;
            /**
             * Bit Score
             * @description Highest bit score of the hits
             */
            bit_score: number;
            /**
             * Evalue
             * @description Lowest E-value of the hits
             */
            evalue: number;
        };
        /**
         * OrganismsOut
         * @description The organisms of a query's hits.
         */
        OrganismsOut: {
            /**
             * Rows
             * @description Each taxon after its parent
             */
            rows: components["schemas"]["OrganismRow"][];
            /**
             * Unknown
             * @description Number of hits without a taxid
             */
            unknown: number;
            /**
             * Has Lineages
             * @description Whether the service knows the lineages; otherwise the rows are a flat list
             */
            has_lineages: boolean;
        };
        /**
         * PhaseOut
         * @description The progress of a phase of a search, counted in the phase's own unit.
         */
        PhaseOut: {
            /**
             * Name
             * @enum {string}
             */
            name: "preparing" | "staging" | "warming" | "searching" | "merging" | "publishing";
            /**
             * Status
             * @enum {string}
             */
            status: "pending" | "running" | "completed" | "skipped" | "failed";
            /** Started */
            started: number | null;
            /** Finished */
            finished: number | null;
            /** Done */
            done: number;
            /** Total */
            total: number;
        };
        /**
         * PieceOut
         * @description A finished BLAST+ process.
         *
         *     ``batch`` and ``shard`` are 0-based. ``is_doubled`` says whether it was started on a second node as well.
         */
        PieceOut: {
            /** Purpose */
            purpose: string;
            /** Batch */
            batch: number;
            /** Shard */
            shard: number | null;
            /** Seconds */
            seconds: number;
            /** Peak Memory Bytes */
            peak_memory_bytes: number;
            /** Node */
            node: string;
            /** Is Doubled */
            is_doubled: boolean;
            /**
             * Finished
             * @description Seconds since 1970
             */
            finished: number;
        };
        /**
         * PlanOut
         * @description The shards of a database for a number of nodes.
         */
        PlanOut: {
            /** Fits */
            fits: boolean;
            /** Problem */
            problem: string | null;
            /** Remedy */
            remedy: string | null;
            /**
             * Memory Bytes
             * @description Memory of each node
             */
            memory_bytes: number;
            /**
             * Balance
             * @description Letters of the largest shard, divided by the mean
             */
            balance: number;
            /** Shares */
            shares: components["schemas"]["ShareOfNodeOut"][];
        };
        /**
         * PreflightOut
         * @description The plan of a search, and every problem.
         */
        PreflightOut: {
            /** Ok */
            ok: boolean;
            /** Problems */
            problems: components["schemas"]["ProblemOut"][];
            /** Command */
            command: string[];
            /**
             * Commands
             * @description The BLAST+ commands that print the same, in order
             */
            commands: string[][];
            /** Queries */
            queries: number | null;
            /** Letters */
            letters: number | null;
            /** Longest */
            longest: number | null;
            /** Molecule */
            molecule: string | null;
            /** Database */
            database: string | null;
            /** Generation */
            generation: string | null;
            /** Shards */
            shards: number | null;
            /** Why */
            why: string | null;
            /** Fits In Memory */
            fits_in_memory: boolean | null;
            /**
             * Seconds
             * @description Estimate from past searches; null if there were none
             */
            seconds: number | null;
            /**
             * Remarks
             * @description Remarks that are not problems
             */
            remarks: string[];
        };
        /**
         * PresenceOut
         * @description How much of a database is on the disks and in the memory of the machines that search it.
         */
        PresenceOut: {
            /**
             * Staged Bytes
             * @description Bytes on the disks of nodes, or of the server if it searches alone; copies of a volume count once
             */
            staged_bytes: number;
            /**
             * Resident Bytes
             * @description How much of mapped_bytes is in memory there; null if unknown
             */
            resident_bytes: number | null;
            /**
             * Mapped Bytes
             * @description Size of the files that a search maps into memory
             */
            mapped_bytes: number;
            /**
             * Problem
             * @description Why the database can't be searched now, or null
             */
            problem: string | null;
            /**
             * Nodes
             * @description Number of nodes that hold any of it; null without a cluster
             */
            nodes: number | null;
        };
        /**
         * ProblemOut
         * @description A problem that keeps a search from running.
         */
        ProblemOut: {
            /** Code */
            code: string;
            /** Field */
            field: string;
            /** Detail */
            detail: string;
            /** Remedy */
            remedy: string;
        };
        /**
         * Program
         * @description A BLAST+ program; the value is the name of its executable.
         * @enum {string}
         */
        Program: "blastn" | "blastp" | "blastx" | "tblastn" | "tblastx";
        /**
         * ProgramOut
         * @description A program.
         */
        ProgramOut: {
            name: components["schemas"]["Program"];
            query: components["schemas"]["Molecule"];
            database: components["schemas"]["Molecule"];
            /**
             * Version
             * @description Version of BLAST+
             */
            version: string;
            /** Options */
            options: components["schemas"]["OptionOut"][];
            /**
             * Output
             * @description Options of the output, except its format
             */
            output: components["schemas"]["OptionOut"][];
            /**
             * Formats
             * @description Formats that it prints, by number
             */
            formats: components["schemas"]["FormatOut"][];
        };
        /**
         * QueriesOut
         * @description A page of the queries.
         */
        QueriesOut: {
            /** Rows */
            rows: components["schemas"]["QueryRow"][];
            /**
             * Next
             * @description Start of the next page, or null
             */
            next: number | null;
        };
        /**
         * QueryRow
         * @description A query.
         */
        QueryRow: {
            /**
             * Number
             * @description 0-based among all queries
             */
            number: number;
            /** Id */
            id: string;
            /**
             * Length
             * @description Bases or residues; null if the query has no hits
             */
            length: number | null;
            /** Hits */
            hits: number;
            /** Hsps */
            hsps: number;
            /**
             * Verdict
             * @description merged, researched, unsharded or complete
             */
            verdict: string;
        };
        /**
         * ReadyOut
         * @description Whether the parts that searches need can be reached.
         */
        ReadyOut: {
            /**
             * Status
             * @enum {string}
             */
            status: "ok" | "impaired";
            /**
             * Checks
             * @description Problem of each part that is away; ok for the others
             */
            checks: {
                [key: string]: string;
            };
            /**
             * Away Since
             * @description When each of these parts went away, in seconds since 1970
             */
            away_since: {
                [key: string]: number;
            };
        };
        /**
         * ReportOut
         * @description A search's report.
         */
        ReportOut: {
            /** Program */
            program: string;
            /** Blast Version */
            blast_version: string;
            /** Shardblast Version */
            shardblast_version: string;
            database: components["schemas"]["DatabaseOfReport"];
            /** Shards */
            shards: number | null;
            /** Why */
            why: string | null;
            /**
             * Command
             * @description The BLAST+ command that finds the same hits
             */
            command: string[];
            /**
             * Commands
             * @description The BLAST+ commands that print the same, in order
             */
            commands: string[][];
            /** Taxids */
            taxids: {
                [key: string]: unknown;
            } | null;
            /** Queries */
            queries: number;
            /** Verdicts */
            verdicts: {
                [key: string]: number;
            };
            /**
             * Not Merged
             * @description Ids of the queries of every verdict but merged
             */
            not_merged: {
                [key: string]: string[];
            };
            /** Pieces */
            pieces: components["schemas"]["PieceOut"][];
            /**
             * Self Contained
             * @description Whether results can be printed without the database
             */
            self_contained: boolean;
            /** Seconds */
            seconds: number;
            /**
             * Incidents
             * @description What cost the search time: lost nodes, work that ran again, parts that were away
             */
            incidents: components["schemas"]["IncidentOfReport"][];
            /** Citation */
            citation: string;
        };
        /**
         * RunningPieceOut
         * @description A running BLAST+ process.
         */
        RunningPieceOut: {
            /** Purpose */
            purpose: string;
            /**
             * Batch
             * @description 0-based
             */
            batch: number;
            /** Shard */
            shard: number | null;
            /** Node */
            node: string;
            /** Started */
            started: number;
        };
        /**
         * ScalingIn
         * @description The number of nodes to run.
         */
        ScalingIn: {
            /** Nodes */
            nodes: number;
        };
        /**
         * ScalingOut
         * @description The number of nodes, now and as requested. All fields but two are null if the service can't change it.
         */
        ScalingOut: {
            /**
             * Is Possible
             * @description Whether the service can change the number of nodes
             */
            is_possible: boolean;
            /**
             * Asked
             * @description Number of nodes requested
             */
            asked: number | null;
            /**
             * Ready
             * @description Number of nodes ready
             */
            ready: number | null;
            needed: components["schemas"]["NodesNeededOut"] | null;
            /**
             * Most
             * @description Maximum number of nodes that can be requested
             */
            most: number | null;
            /**
             * Idle Minutes
             * @description Minutes a node may be idle before scaling down (0: never)
             */
            idle_minutes: number | null;
            /**
             * Problem
             * @description Why scaling is impossible or its state unknown, or why nodes are pending; or null
             */
            problem: string | null;
        };
        /**
         * Scope
         * @description What a caller may do.
         * @enum {string}
         */
        Scope: "read" | "search" | "admin";
        /**
         * SearchOut
         * @description A search; times are seconds since 1970.
         */
        SearchOut: {
            /** Id */
            id: string;
            /**
             * Owner
             * @description null for readers of a share link
             */
            owner: string | null;
            /** Title */
            title: string;
            /** Program */
            program: string;
            /** Database */
            database: string;
            /** Generation */
            generation: string;
            /** Options */
            options: string[];
            /**
             * Output
             * @description Default output options of the result
             */
            output: string[];
            /** Exactness */
            exactness: string;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "cancelling" | "completed" | "failed" | "cancelled";
            /** Phase */
            phase: ("preparing" | "staging" | "warming" | "searching" | "merging" | "publishing") | null;
            /** Phases */
            phases: components["schemas"]["PhaseOut"][];
            /** Queries */
            queries: number;
            /** Letters */
            letters: number;
            /** Created */
            created: number;
            /** Started */
            started: number | null;
            /** Finished */
            finished: number | null;
            /** Attempt */
            attempt: number;
            /** Shards */
            shards: number | null;
            /** Why */
            why: string | null;
            /** Hits */
            hits: number | null;
            /** Verdicts */
            verdicts: {
                [key: string]: number;
            } | null;
            failure: components["schemas"]["FailureOut"] | null;
            /** @description Why a queued or running search waits; null: it does not */
            waiting: components["schemas"]["WaitingOut"] | null;
        };
        /**
         * SearchesOut
         * @description A page of searches, in the requested order.
         */
        SearchesOut: {
            /** Searches */
            searches: components["schemas"]["SearchOut"][];
            /**
             * Cursor
             * @description Cursor of the next page, or null
             */
            cursor: string | null;
        };
        /**
         * ShareOfNodeOut
         * @description The share of a database that one node would hold and search.
         */
        ShareOfNodeOut: {
            /** Volumes */
            volumes: string[];
            /**
             * First Oid
             * @description First oid (0-based) of a part of a volume; null for whole volumes
             */
            first_oid: number | null;
            /**
             * End Oid
             * @description Last oid of the part, plus one
             */
            end_oid: number | null;
            /** Letters */
            letters: number;
            /** Staged Bytes */
            staged_bytes: number;
            /** Mapped Bytes */
            mapped_bytes: number;
        };
        /**
         * ShareOut
         * @description A link with which anyone may read a search.
         */
        ShareOut: {
            /** Id */
            id: string;
            /** Created */
            created: number;
        };
        /**
         * SpansOut
         * @description Positions of HSPs on a query, in columns, so that tens of thousands fit in a small response.
         */
        SpansOut: {
            /** Rank */
            rank: number[];
            /** Query Start */
            query_start: number[];
            /** Query End */
            query_end: number[];
            /** Bit Score */
            bit_score: number[];
            /** Evalue */
            evalue: number[];
            /**
             * Identity
             * @description Percent
             */
            identity: number[];
            /**
             * Length
             * @description Length of the alignment
             */
            length: number[];
            /**
             * Is Whole
             * @description Whether all HSPs are included
             */
            is_whole: boolean;
            /**
             * Coverage
             * @description Query coverage of all hits of the query, by rank, in percent
             */
            coverage: number[];
        };
        /**
         * Syntax
         * @description The syntax of a format.
         * @enum {string}
         */
        Syntax: "pairwise" | "tabular" | "xml" | "json" | "asn" | "sam" | "taxonomic";
        /**
         * TaskOut
         * @description A task that adds, updates or warms a database; times are seconds since 1970.
         */
        TaskOut: {
            /** Id */
            id: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "add" | "update" | "warm";
            /** Database */
            database: string;
            /**
             * Owner
             * @description null for callers who are neither the owner nor an administrator
             */
            owner: string | null;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "cancelling" | "completed" | "failed" | "cancelled";
            /** Step */
            step: ("bringing" | "checking" | "storing" | "staging" | "warming" | "switching") | null;
            /**
             * Done
             * @description Bytes of the step that are done
             */
            done: number;
            /**
             * Total
             * @description Bytes of the whole step; 0 if unknown
             */
            total: number;
            /** Created */
            created: number;
            /** Started */
            started: number | null;
            /** Finished */
            finished: number | null;
            /** Outcome */
            outcome: string | null;
            failure: components["schemas"]["FailureOut"] | null;
        };
        /**
         * TokenIn
         * @description An API token, as its holder enters it.
         */
        TokenIn: {
            /** Token */
            token: string;
        };
        /**
         * UpdatesOut
         * @description Whether a source has a newer version.
         */
        UpdatesOut: {
            /** Current */
            current: string;
            /** Offered */
            offered: string;
            /** Is Newer */
            is_newer: boolean;
        };
        /**
         * UseOut
         * @description The searches and tasks that use a database.
         */
        UseOut: {
            /**
             * Searches
             * @description Number of unfinished searches
             */
            searches: number;
            /**
             * Results
             * @description Number of finished searches whose results can't be printed without the database
             */
            results: number;
            /**
             * First
             * @description Some of these searches
             */
            first: components["schemas"]["SearchOut"][];
            /**
             * Tasks
             * @description Unfinished tasks
             */
            tasks: components["schemas"]["TaskOut"][];
        };
        /** ValidationError */
        ValidationError: {
            /** Location */
            loc: (string | number)[];
            /** Message */
            msg: string;
            /** Error Type */
            type: string;
            /** Input */
            input?: unknown;
            /** Context */
            ctx?: Record<string, never>;
        };
        /**
         * WaitingOut
         * @description The reason why a search waits.
         */
        WaitingOut: {
            /** @description turn: other searches go first; otherwise the resource that is missing */
            code: components["schemas"]["LackCode"];
            /** Sentence */
            sentence: string;
            /** Since */
            since: number;
        };
        /**
         * WaysOut
         * @description Ways to sign in, besides API tokens.
         */
        WaysOut: {
            /**
             * Browser
             * @description Whether /auth/login signs browsers in
             */
            browser: boolean;
        };
        /**
         * SearchIn
         * @description A search to submit.
         */
        SearchIn: {
            /**
             * Program
             * @description blastn, blastp, blastx, tblastn or tblastx
             */
            program: string;
            /**
             * Database
             * @description Name of a database of this service
             */
            database: string;
            /**
             * Options
             * @description BLAST+ options by name without the dash, or as on a command line
             */
            options?: {
                [key: string]: string | number | boolean | null;
            } | string;
            /**
             * Title
             * @default
             */
            title: string;
            /**
             * Exactness
             * @description identical or complete
             * @default identical
             */
            exactness: string;
            /**
             * Output
             * @description Default output options of the result: outfmt, num_descriptions and so on
             */
            output?: {
                [key: string]: string | number | boolean | null;
            } | string;
            /**
             * Query
             * @description FASTA
             */
            query: string;
            /**
             * Lists
             * @description Content of seqidlist, negative_seqidlist, taxidlist or negative_taxidlist
             */
            lists?: {
                [key: string]: string;
            };
        };
        /**
         * SelectionIn
         * @description A selection of queries, or of hits of one query. The URL may name the rest.
         */
        SelectionIn: {
            /**
             * Query
             * @description Only these queries, by 0-based number: 3, or 0-4,7
             * @default null
             */
            query: string | null;
            /**
             * Hit
             * @description Only these hits of the selected query, by 0-based rank: 3, or 0-4,7
             * @default null
             */
            hit: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_programs_api_v1_programs_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_searches_api_v1_searches_get: {
        parameters: {
            query?: {
                state?: ("queued" | "running" | "cancelling" | "completed" | "failed" | "cancelled") | null;
                limit?: number;
                /** @description Cursor of the previous page, same order */
                cursor?: string | null;
                /** @description Part of the title, program, database or id */
                text?: string;
                /** @description Titles sort by their first 100 characters; elapsed and hits of unfinished searches count as negative */
                sort?: "created" | "title" | "database" | "state" | "elapsed" | "queries" | "hits";
                /** @description Ascending or descending */
                order?: "asc" | "desc";
                /** @description Only the caller's search that was submitted with this Idempotency-Key */
                key?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchesOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    create_search_api_v1_searches_post: {
        parameters: {
            query?: never;
            header?: {
                "idempotency-key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SearchIn"];
                "multipart/form-data": {
                    program: string;
                    database: string;
                    /**
                     * Format: binary
                     * @description FASTA, plain or compressed
                     */
                    query: string;
                    /** @description As on a command line, or a JSON object */
                    options?: string;
                    title?: string;
                    exactness?: string;
                    /** @description Output options: -outfmt, -num_alignments and so on */
                    output?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    negative_seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    taxidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    negative_taxidlist?: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    preflight_api_v1_searches_preflight_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SearchIn"];
                "multipart/form-data": {
                    program: string;
                    database: string;
                    /**
                     * Format: binary
                     * @description FASTA, plain or compressed
                     */
                    query: string;
                    /** @description As on a command line, or a JSON object */
                    options?: string;
                    title?: string;
                    exactness?: string;
                    /** @description Output options: -outfmt, -num_alignments and so on */
                    output?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    negative_seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    taxidlist?: string;
                    /**
                     * Format: binary
                     * @description One id or taxid per line, plain or compressed
                     */
                    negative_taxidlist?: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreflightOut"];
                };
            };
        };
    };
    follow_searches_api_v1_searches_events_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    read_search_api_v1_searches__search_id__get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    delete_search_api_v1_searches__search_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_pieces_api_v1_searches__search_id__pieces_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PieceOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_running_api_v1_searches__search_id__running_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunningPieceOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_log_api_v1_searches__search_id__log_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_events_api_v1_searches__search_id__events_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "last-event-id"?: string | null;
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    cancel_search_api_v1_searches__search_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    retry_search_api_v1_searches__search_id__retry_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_results_api_v1_searches__search_id__results_get: {
        parameters: {
            query?: {
                /** @description BLAST+'s -outfmt; default: the search's own output, or 0 */
                outfmt?: string | null;
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by 0-based number: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the selected query, by 0-based rank: 3, or 0-4,7 */
                hit?: string | null;
                /** @description -num_descriptions; in formats 0 to 4, at most the search's -max_target_seqs */
                num_descriptions?: number | null;
                /** @description -num_alignments; in formats 0 to 4, at most the search's -max_target_seqs */
                num_alignments?: number | null;
                /** @description -line_length, in formats 0 to 4 */
                line_length?: number | null;
                /** @description -html */
                html?: boolean;
                /** @description -show_gis */
                show_gis?: boolean;
                /** @description -sorthits, in formats 0 to 4: by E-value (0), bit score (1), total score (2), percent identity (3) or query coverage (4) */
                sorthits?: number | null;
                /** @description -sorthsps, in format 0: by E-value (0), score (1), query start (2), percent identity (3) or subject start (4) */
                sorthsps?: number | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_results_api_v1_searches__search_id__results_post: {
        parameters: {
            query?: {
                /** @description BLAST+'s -outfmt; default: the search's own output, or 0 */
                outfmt?: string | null;
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by 0-based number: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the selected query, by 0-based rank: 3, or 0-4,7 */
                hit?: string | null;
                /** @description -num_descriptions; in formats 0 to 4, at most the search's -max_target_seqs */
                num_descriptions?: number | null;
                /** @description -num_alignments; in formats 0 to 4, at most the search's -max_target_seqs */
                num_alignments?: number | null;
                /** @description -line_length, in formats 0 to 4 */
                line_length?: number | null;
                /** @description -html */
                html?: boolean;
                /** @description -show_gis */
                show_gis?: boolean;
                /** @description -sorthits, in formats 0 to 4: by E-value (0), bit score (1), total score (2), percent identity (3) or query coverage (4) */
                sorthits?: number | null;
                /** @description -sorthsps, in format 0: by E-value (0), score (1), query start (2), percent identity (3) or subject start (4) */
                sorthsps?: number | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SelectionIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_subjects_api_v1_searches__search_id__subjects_get: {
        parameters: {
            query?: {
                /** @description First position (1-based) of the region of one hit */
                start?: number | null;
                /** @description Last position of the region, inclusive */
                end?: number | null;
                /** @description Strand of a nucleotide region */
                strand?: "plus" | "minus";
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by 0-based number: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the selected query, by 0-based rank: 3, or 0-4,7 */
                hit?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_subjects_api_v1_searches__search_id__subjects_post: {
        parameters: {
            query?: {
                /** @description First position (1-based) of the region of one hit */
                start?: number | null;
                /** @description Last position of the region, inclusive */
                end?: number | null;
                /** @description Strand of a nucleotide region */
                strand?: "plus" | "minus";
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by 0-based number: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the selected query, by 0-based rank: 3, or 0-4,7 */
                hit?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SelectionIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_report_api_v1_searches__search_id__report_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_queries_api_v1_searches__search_id__queries_get: {
        parameters: {
            query?: {
                text?: string;
                after?: number;
                limit?: number;
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueriesOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_hits_api_v1_searches__search_id__hits_get: {
        parameters: {
            query?: {
                query?: number;
                /** @description Part of a scientific name; or a taxid, which includes its descendants where the lineages are known */
                organism?: string;
                sort?: string;
                after?: number;
                limit?: number;
                /** @description Token of a share link */
                share?: string | null;
                /** @description Part of an id or title */
                text?: string;
                /** @description Maximum E-value */
                evalue?: number | null;
                /** @description Minimum identity in percent */
                identity?: number | null;
                /** @description Minimum query coverage in percent */
                coverage?: number | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HitsOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_organisms_api_v1_searches__search_id__organisms_get: {
        parameters: {
            query?: {
                query?: number;
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrganismsOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_hsps_api_v1_searches__search_id__hsps_get: {
        parameters: {
            query?: {
                query?: number;
                hit?: number;
                after?: number;
                limit?: number;
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HspsOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_spans_api_v1_searches__search_id__spans_get: {
        parameters: {
            query?: {
                query?: number;
                /** @description Number of hits, the best first */
                hits?: number;
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SpansOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_list_api_v1_searches__search_id__lists__name__get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                name: string;
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_query_api_v1_searches__search_id__query_get: {
        parameters: {
            query?: {
                /** @description Token of a share link */
                share?: string | null;
            };
            header?: {
                "x-share-token"?: string | null;
            };
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    create_share_api_v1_searches__search_id__share_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewShareOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_shares_api_v1_searches__search_id__shares_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShareOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    revoke_share_api_v1_searches__search_id__shares__share_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                share_id: string;
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_databases_api_v1_databases_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatabaseOut"][];
                };
            };
        };
    };
    add_database_api_v1_databases_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DatabaseIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatabaseOut"] | components["schemas"]["TaskOut"];
                };
            };
            /** @description A task has begun */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_database_api_v1_databases__name__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatabaseOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    remove_database_api_v1_databases__name__delete: {
        parameters: {
            query?: {
                force?: boolean;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_use_api_v1_databases__name__use_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UseOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    warm_database_api_v1_databases__name__warm_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    update_database_api_v1_databases__name__update_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatabaseOut"] | components["schemas"]["TaskOut"];
                };
            };
            /** @description A task has begun */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    check_updates_api_v1_databases__name__updates_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdatesOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    plan_database_api_v1_databases__name__plan_get: {
        parameters: {
            query: {
                nodes: number;
                /** @description Memory of each node */
                memory_bytes: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_tasks_api_v1_tasks_get: {
        parameters: {
            query?: {
                database?: string | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    follow_tasks_api_v1_tasks_events_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    read_task_api_v1_tasks__task_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    dismiss_task_api_v1_tasks__task_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_events_api_v1_tasks__task_id__events_get: {
        parameters: {
            query?: never;
            header?: {
                "last-event-id"?: string | null;
            };
            path: {
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    cancel_task_api_v1_tasks__task_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    retry_task_api_v1_tasks__task_id__retry_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_nodes_api_v1_nodes_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeOut"][];
                };
            };
        };
    };
    follow_nodes_api_v1_nodes_events_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    read_scaling_api_v1_nodes_scaling_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ScalingOut"];
                };
            };
        };
    };
    scale_api_v1_nodes_scaling_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScalingIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ScalingOut"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    read_me_api_v1_me_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeOut"];
                };
            };
        };
    };
    health_health_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: string;
                    };
                };
            };
        };
    };
    ready_ready_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyOut"];
                };
            };
        };
    };
    metrics_metrics_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    list_ways_auth_ways_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WaysOut"];
                };
            };
        };
    };
    login_auth_login_get: {
        parameters: {
            query?: {
                /** @description Path of this service to return to */
                next?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    callback_auth_callback_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    sign_in_with_token_auth_token_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    logout_auth_logout_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_blast_Blast_cgi_get: {
        parameters: {
            query?: {
                CMD?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    post_blast_Blast_cgi_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
