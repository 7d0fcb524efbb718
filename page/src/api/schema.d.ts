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
         * @description List the programs, with the options that searches may have.
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
         * @description List searches, newest first unless another order is asked for.
         */
        get: operations["list_searches_api_v1_searches_get"];
        put?: never;
        /**
         * Create Search
         * @description Queue a search; its address is in ``Location``. The same Idempotency-Key gives the same search.
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
         * @description Tell what would run, and every problem with what to do about it.
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
         * @description Stream which searches change: ``search`` as it is now, ``deleted``, or ``reload`` when any may have changed.
         *
         *     It ends when the caller may read no more.
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
         * @description Remove a search that is over, and all that belongs to it.
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
         * @description List the BLAST+ processes of a search that have ended; through a share link nodes have numbers for names.
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
         * @description List the BLAST+ processes of a search that run now, wherever that is.
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
         * @description Tell what happened to a search, oldest first.
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
         * @description Stream what happens to a search, as long as the share link is good: first as it is, then every change.
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
         * @description Stop a search for good.
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
         * @description Run a search again that failed, which goes on with its finished pieces, or was cancelled, which starts anew.
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
         * @description Print the result as BLAST+ prints it, in any format; ranges are answered.
         *
         *     Of some queries it is what BLAST+ prints for them alone; of some hits it is the whole result with the others left
         *     out, so that E-values and statistics stay those of the search. POST prints the same, and takes more of them.
         */
        get: operations["read_results_api_v1_searches__search_id__results_get"];
        put?: never;
        /**
         * Read Results
         * @description Print the result as BLAST+ prints it, in any format; ranges are answered.
         *
         *     Of some queries it is what BLAST+ prints for them alone; of some hits it is the whole result with the others left
         *     out, so that E-values and statistics stay those of the search. POST prints the same, and takes more of them.
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
         * @description Read the subjects of hits as FASTA, each once: whole, or a region of one. POST takes more of them.
         */
        get: operations["read_subjects_api_v1_searches__search_id__subjects_get"];
        put?: never;
        /**
         * Read Subjects
         * @description Read the subjects of hits as FASTA, each once: whole, or a region of one. POST takes more of them.
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
         * @description Read what was done: verdicts, shards, times, versions, the BLAST+ command that prints the same, what to cite.
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
         * @description List the queries with counts and verdict.
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
         * @description List hits of a query.
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
         * @description List the organisms of a query's hits: as a tree, where their lineages are known.
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
         * @description List HSPs of a hit, by its rank, with the rows of their alignments.
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
         * @description Tell where the HSPs of a query's first hits lie on it: what a picture of them needs.
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
         * @description Read a list of ids or taxids of the search, as it was sent.
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
         * @description Read the queries, as they were sent.
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
         * @description Make a link by which anybody may read this search; its token is told this once.
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
         * @description List the links of a search, but not what they are.
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
         * @description Make a link void at once.
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
         * @description List the databases by name, each with how much of it is on the disk and in memory now.
         */
        get: operations["list_databases_api_v1_databases_get"];
        put?: never;
        /**
         * Add Database
         * @description Add a database: register it where it lies on the server (201), or bring it from its source (202, a task).
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
         * @description Read a database, with how much of it is on the disk and in memory now.
         */
        get: operations["read_database_api_v1_databases__name__get"];
        put?: never;
        post?: never;
        /**
         * Remove Database
         * @description Remove a database; files that were registered in place stay. ``force`` cancels the searches that use it.
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
         * @description Tell what uses a database, or changes it: what its removal would have to wait for, or cancel.
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
         * @description Begin to read a database into memory.
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
         * @description Bring what the source has now (202, a task); searches go on in the old generation meanwhile.
         *
         *     A database that is registered in place is looked at at once (200).
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
         * @description Ask the source whether it has something newer.
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
         * @description Tell how the database would be cut for so many nodes, and whether that fits in their memory.
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
         * @description Stream which tasks change: ``task`` as it is now, or ``reload`` when any may have changed, as at the beginning.
         *
         *     It ends when the caller may read no more.
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
         * @description Remove a task that has ended from the lists; its owner and administrators may.
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
         * @description Stream what happens to a task: first the task as it is, then every change.
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
         * @description Stop a task for good; its owner and administrators may.
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
         * @description Begin a task that failed or was cancelled again, as a new task; whoever may begin such a task may do so.
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
         * @description List the nodes, with what is on their disks and in their memory now.
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
         * @description Stream what changes of the nodes: ``node`` as it is now, ``gone``, and ``scaling``; first all of them.
         *
         *     It ends when the caller may read no more.
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
         * @description Tell how many nodes there are and are to be, and how many are needed for what.
         */
        get: operations["read_scaling_api_v1_nodes_scaling_get"];
        put?: never;
        /**
         * Scale
         * @description Ask Kubernetes for a number of nodes; they come and go in their own time, and drain before they go.
         *
         *     Refused with 409 where the nodes are not on Kubernetes, and where more are needed just now.
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
         * @description Tell who asks, what they may do and how they are known.
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
         * @description Tell that the process lives.
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
         * @description Tell whether searches can run, and what is missing if not.
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
         * @description Tell Prometheus how things stand and what happened since the start.
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
         * @description Tell how people may sign in.
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
         * @description Send a browser to the issuer to sign in.
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
         * @description Take a browser that the issuer sends back; its session is always a new one.
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
         * @description Begin a session of a browser by an API token; it ends with the token.
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
         * @description End the browser's session here; the issuer's own goes on.
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
         * @description Answer CMD=Put, Get or Delete, with parameters in the address.
         */
        get: operations["get_blast_Blast_cgi_get"];
        put?: never;
        /**
         * Post
         * @description Answer CMD=Put, Get or Delete, with parameters in the address or in a form.
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
             * @description A BLAST database on the server (without suffix), FASTA, ncbi:NAME, or another storage's database
             */
            source: string;
            /**
             * Copy
             * @description Copy a BLAST database into the storage in place of serving it where it lies
             * @default false
             */
            copy: boolean;
            /**
             * Replace
             * @description Replace a database of this name from another source; never one of the other molecule
             * @default false
             */
            replace: boolean;
            /** @description Of a FASTA file; null: as it looks */
            molecule?: components["schemas"]["Molecule"] | null;
            /**
             * Title
             * @description Of a database made of a FASTA file
             * @default
             */
            title: string;
            /**
             * Taxid Map
             * @description A file on the server with an id and a taxid a line
             */
            taxid_map?: string | null;
            /**
             * Base
             * @description Where NCBI's databases are published, if not at NCBI
             */
            base?: string | null;
        };
        /**
         * DatabaseOfReport
         * @description What was searched.
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
             * @description Of all files
             */
            size_bytes: number;
            /**
             * Mapped Bytes
             * @description Of what a search maps into memory
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
             * @description Seconds since 1970; null where an earlier version did not note it
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
        /** HTTPValidationError */
        HTTPValidationError: {
            /** Detail */
            detail?: components["schemas"]["ValidationError"][];
        };
        /**
         * HeldGenerationOut
         * @description What a node has of a generation of a database.
         */
        HeldGenerationOut: {
            /** Database */
            database: string;
            /** Generation */
            generation: string;
            /**
             * In Place
             * @description Whether it is searched where it lies, and is no copy of the node's
             */
            in_place: boolean;
            /**
             * Num Volumes
             * @description Of the whole generation
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
         * @description A volume that is whole on a node's disk.
         */
        HeldVolumeOut: {
            /** Name */
            name: string;
            /**
             * Size Bytes
             * @description Of all its files
             */
            size_bytes: number;
            /**
             * Mapped Bytes
             * @description Of what a search maps into memory
             */
            mapped_bytes: number;
            /**
             * Resident Bytes
             * @description How much of that is in memory now; null if it is not known
             */
            resident_bytes: number | null;
        };
        /**
         * HitRow
         * @description A subject with hits of a query; scores are those of its best HSP.
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
             * @description In percent
             */
            identity: number;
            /** Hsps */
            hsps: number;
        };
        /**
         * HitsOut
         * @description A part of the hits of a query.
         */
        HitsOut: {
            /** Rows */
            rows: components["schemas"]["HitRow"][];
            /**
             * Next
             * @description Where the next part begins; null if there is none
             */
            next: number | null;
            /**
             * Total
             * @description How many hits fit, in all parts
             */
            total: number;
        };
        /**
         * HspRow
         * @description An HSP with the rows of its alignment; places are 1-based, both ends inclusive.
         */
        HspRow: {
            /** Query */
            query: number;
            /** Rank */
            rank: number;
            /**
             * Number
             * @description 0-based in its hit
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
             * @description What BLAST+ prints between the rows: letters or bars, and + for positive pairs
             */
            middle: string;
            /** Subject Row */
            subject_row: string;
        };
        /**
         * HspsOut
         * @description A part of the HSPs of a hit.
         */
        HspsOut: {
            /** Rows */
            rows: components["schemas"]["HspRow"][];
            /**
             * Next
             * @description Where the next part begins; null if there is none
             */
            next: number | null;
        };
        /**
         * LackCode
         * @description The missing resource; stable, part of the API.
         * @enum {string}
         */
        LackCode: "turn" | "scheduler" | "nodes" | "shards" | "whole-database";
        /**
         * MeOut
         * @description Who asks.
         */
        MeOut: {
            /**
             * Owner
             * @description Of the searches that they make
             */
            owner: string;
            /**
             * Name
             * @description For people to read
             */
            name: string;
            /** Scopes */
            scopes: components["schemas"]["Scope"][];
            /** @description How they are known: nothing, token, issuer or session */
            by: components["schemas"]["Means"];
        };
        /**
         * Means
         * @description How a caller is known.
         * @enum {string}
         */
        Means: "nothing" | "token" | "issuer" | "session";
        /**
         * Molecule
         * @description What a query or a database is made of.
         * @enum {string}
         */
        Molecule: "nucleotide" | "protein";
        /**
         * NewShareOut
         * @description A link that was made just now: only this once it tells what it is.
         */
        NewShareOut: {
            /** Id */
            id: string;
            /** Created */
            created: number;
            /**
             * Token
             * @description For ?share= or the header X-Share-Token
             */
            token: string;
            /** Url */
            url: string;
        };
        /**
         * NodeOut
         * @description A node, as it is now, or as it was when it was last seen.
         */
        NodeOut: {
            /** Name */
            name: string;
            /**
             * State
             * @description draining: it ends what it does and takes nothing more
             * @enum {string}
             */
            state: "connected" | "draining" | "lost";
            /**
             * Last Seen
             * @description In seconds since 1970
             */
            last_seen: number;
            /**
             * Running
             * @description BLAST+ processes
             */
            running: number;
            /** Cores */
            cores: number;
            /** Memory Bytes */
            memory_bytes: number;
            /**
             * Disk Budget Bytes
             * @description What its copies of databases may take
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
         * @description How many nodes are needed, and for what.
         */
        NodesNeededOut: {
            /**
             * Nodes
             * @description All things considered, and no more than most
             */
            nodes: number;
            /**
             * To Hold
             * @description For the databases that are searched, in half of the nodes' memory
             */
            to_hold: number;
            /**
             * For Work
             * @description For the pieces that wait
             */
            for_work: number;
            /**
             * Busy
             * @description That can't go now: up to the last that runs something or holds what is searched
             */
            busy: number;
        };
        /**
         * OptionOut
         * @description An option of BLAST+, in its own words.
         */
        OptionOut: {
            /**
             * Name
             * @description Without the dash
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "flag" | "text" | "whole" | "real" | "boolean";
            /**
             * Default
             * @description null where BLAST+ has none, or it depends on the task
             */
            default: string | null;
            /**
             * Choices
             * @description All that may be given; empty: anything of this kind
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
         * @description A taxid that hits have, or below which there are several of them.
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
             * @description The next listed taxid above it
             */
            parent: number | null;
            /**
             * Via
             * @description What is between the two and not listed, the highest first
             */
            via: string[];
            /**
             * Level
             * @description How many listed ones are above it
             */
            level: number;
            /**
             * Hits
             * @description At it or below it
             */
            hits: number;
            /**
             * Own Hits
             * @description At it
             */
            own_hits: number;
            /**
             * Bit Score
             * @description The highest of the hits
             */
            bit_score: number;
            /**
             * Evalue
             * @description The lowest of the hits
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
             * @description Each after the one above it
             */
            rows: components["schemas"]["OrganismRow"][];
            /**
             * Unknown
             * @description Hits without a taxid
             */
            unknown: number;
            /**
             * Has Lineages
             * @description Whether the service knows what descends from what; else it is a list
             */
            has_lineages: boolean;
        };
        /**
         * PhaseOut
         * @description How far a phase of a search is; done and total count finished things.
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
         * @description A BLAST+ process that ended.
         */
        PieceOut: {
            /** Purpose */
            purpose: string;
            /**
             * Batch
             * @description 0-based
             */
            batch: number;
            /** Shard */
            shard: number | null;
            /** Seconds */
            seconds: number;
            /** Peak Memory Bytes */
            peak_memory_bytes: number;
            /** Node */
            node: string;
            /** Finished */
            finished: number;
            /**
             * Is Doubled
             * @description Whether it was started on a second node as well
             */
            is_doubled: boolean;
        };
        /**
         * PlanOut
         * @description How a database would be cut for nodes.
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
             * @description Of each node
             */
            memory_bytes: number;
            /**
             * Balance
             * @description Letters of the largest shard over the mean
             */
            balance: number;
            /** Shares */
            shares: components["schemas"]["ShareOfNodeOut"][];
        };
        /**
         * PreflightOut
         * @description What would run, and every problem.
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
             * @description Those of BLAST+ that print the same, one after the other
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
             * @description Estimated from past searches; null if there were none
             */
            seconds: number | null;
            /**
             * Remarks
             * @description What to know that is no problem
             */
            remarks: string[];
        };
        /**
         * PresenceOut
         * @description How much of a database is where, now: read from the disk and from the kernel.
         */
        PresenceOut: {
            /**
             * Staged Bytes
             * @description On the server's disk
             */
            staged_bytes: number;
            /**
             * Resident Bytes
             * @description In its memory, of mapped_bytes; null if the kernel does not tell
             */
            resident_bytes: number | null;
            /**
             * Mapped Bytes
             * @description What a search maps into memory
             */
            mapped_bytes: number;
            /**
             * Problem
             * @description Why it can't be searched as it is; null if it can
             */
            problem: string | null;
        };
        /**
         * ProblemOut
         * @description Something that keeps a search from running.
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
         * @description A BLAST+ program, by the name of its executable.
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
             * @description Of BLAST+
             */
            version: string;
            /** Options */
            options: components["schemas"]["OptionOut"][];
        };
        /**
         * QueriesOut
         * @description A part of the queries.
         */
        QueriesOut: {
            /** Rows */
            rows: components["schemas"]["QueryRow"][];
            /**
             * Next
             * @description Where the next part begins; null if there is none
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
             * @description Letters; null if it has no hits
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
         * ReportOut
         * @description What was done.
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
             * @description The BLAST+ command that finds the same
             */
            command: string[];
            /**
             * Commands
             * @description Those of BLAST+ that print the same, one after the other
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
             * @description Whether results are printed without the database
             */
            self_contained: boolean;
            /** Seconds */
            seconds: number;
            /** Citation */
            citation: string;
        };
        /**
         * RunningPieceOut
         * @description A BLAST+ process that has not ended.
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
         * @description How many nodes there are to be.
         */
        ScalingIn: {
            /** Nodes */
            nodes: number;
        };
        /**
         * ScalingOut
         * @description How many nodes there are and are to be, where the service can change that.
         */
        ScalingOut: {
            /**
             * Is Possible
             * @description Whether the service can change the number of nodes
             */
            is_possible: boolean;
            /**
             * Asked
             * @description Nodes that are to be there; null, as what follows, where it can't
             */
            asked: number | null;
            /**
             * Ready
             * @description Nodes that are
             */
            ready: number | null;
            needed: components["schemas"]["NodesNeededOut"] | null;
            /**
             * Most
             * @description Nodes that the service asks for by itself at most
             */
            most: number | null;
            /**
             * Idle Minutes
             * @description Fewer follow when so many were not needed for so long; 0: never
             */
            idle_minutes: number | null;
            /**
             * Problem
             * @description Why it is not possible, or not known now; null if it is
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
             * @description null for whoever came by a share link
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
             * @description How the result is printed when nothing else is asked for
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
            /** @description What a search that is queued or runs waits for; null: nothing */
            waiting: components["schemas"]["WaitingOut"] | null;
        };
        /**
         * SearchesOut
         * @description Some searches, in the order that was asked for.
         */
        SearchesOut: {
            /** Searches */
            searches: components["schemas"]["SearchOut"][];
            /**
             * Cursor
             * @description For the next page; null if there is none
             */
            cursor: string | null;
        };
        /**
         * ShareOfNodeOut
         * @description What one node would hold and search.
         */
        ShareOfNodeOut: {
            /** Volumes */
            volumes: string[];
            /**
             * First Oid
             * @description 0-based in the one volume, of a part of it; null for whole volumes
             */
            first_oid: number | null;
            /**
             * End Oid
             * @description One more than the last
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
         * @description A link by which anybody may read a search.
         */
        ShareOut: {
            /** Id */
            id: string;
            /** Created */
            created: number;
        };
        /**
         * SpansOut
         * @description Where HSPs lie on a query: a list for each column, so that tens of thousands are small.
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
             * @description In percent
             */
            identity: number[];
            /**
             * Length
             * @description Of the alignment
             */
            length: number[];
            /**
             * Is Whole
             * @description Whether no HSP is left out
             */
            is_whole: boolean;
            /**
             * Coverage
             * @description Of all hits of the query, by rank, in percent
             */
            coverage: number[];
        };
        /**
         * TaskOut
         * @description Work on a database; times are seconds since 1970.
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
            /** Owner */
            owner: string;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "cancelling" | "completed" | "failed" | "cancelled";
            /** Step */
            step: ("bringing" | "checking" | "storing" | "staging" | "warming" | "switching") | null;
            /**
             * Done
             * @description Bytes of the step
             */
            done: number;
            /**
             * Total
             * @description Bytes of the step; 0 as long as it is not known
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
         * @description An API token, as its holder types it.
         */
        TokenIn: {
            /** Token */
            token: string;
        };
        /**
         * UpdatesOut
         * @description Whether a source has something newer.
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
         * @description What uses a database, or changes it.
         */
        UseOut: {
            /**
             * Searches
             * @description That are not over
             */
            searches: number;
            /**
             * First
             * @description Some of them
             */
            first: components["schemas"]["SearchOut"][];
            /**
             * Tasks
             * @description That are not over
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
         * @description What a search waits for.
         */
        WaitingOut: {
            /** @description turn: other searches go first; else what there is too little of */
            code: components["schemas"]["LackCode"];
            /** Sentence */
            sentence: string;
            /** Since */
            since: number;
        };
        /**
         * WaysOut
         * @description How people may come in, besides by an API token.
         */
        WaysOut: {
            /**
             * Browser
             * @description At /auth/login
             */
            browser: boolean;
        };
        /**
         * SearchIn
         * @description A search that is wanted.
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
             * @description BLAST+'s options by name without the dash, or as on a command line
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
             * @description How the result is printed when nothing else is asked for: outfmt, num_descriptions and so on
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
         * @description Some queries, or some hits of one; what is not named here may be in the address.
         */
        SelectionIn: {
            /**
             * Query
             * @description Only these queries, by their 0-based numbers: 3, or 0-4,7
             * @default null
             */
            query: string | null;
            /**
             * Hit
             * @description Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7
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
                    "application/json": components["schemas"]["ProgramOut"][];
                };
            };
        };
    };
    list_searches_api_v1_searches_get: {
        parameters: {
            query?: {
                state?: ("queued" | "running" | "cancelling" | "completed" | "failed" | "cancelled") | null;
                limit?: number;
                /** @description Of the page before, in the same order */
                cursor?: string | null;
                /** @description In the title, program, database or id */
                text?: string;
                /** @description Titles by their first 100 letters; elapsed and hits of searches that have not ended count as less than 0 */
                sort?: "created" | "title" | "database" | "state" | "elapsed" | "queries" | "hits";
                /** @description The least first, or the greatest */
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
                     * @description FASTA, plain or packed
                     */
                    query: string;
                    /** @description As on a command line, or a JSON object */
                    options?: string;
                    title?: string;
                    exactness?: string;
                    /** @description As options: -outfmt, -num_alignments and so on */
                    output?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    negative_seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    taxidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
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
                     * @description FASTA, plain or packed
                     */
                    query: string;
                    /** @description As on a command line, or a JSON object */
                    options?: string;
                    title?: string;
                    exactness?: string;
                    /** @description As options: -outfmt, -num_alignments and so on */
                    output?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    negative_seqidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
                     */
                    taxidlist?: string;
                    /**
                     * Format: binary
                     * @description One on each line, plain or packed
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
                /** @description As -outfmt of BLAST+; without it the search's own output, or 0 */
                outfmt?: string | null;
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by their 0-based numbers: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7 */
                hit?: string | null;
                /** @description -num_descriptions; in formats 0 to 4, at most as many as the search kept (its -max_target_seqs) */
                num_descriptions?: number | null;
                /** @description -num_alignments; in formats 0 to 4, at most as many as the search kept (its -max_target_seqs) */
                num_alignments?: number | null;
                /** @description -line_length: letters of a line, in formats 0 to 4 */
                line_length?: number | null;
                /** @description -html */
                html?: boolean;
                /** @description -show_gis */
                show_gis?: boolean;
                /** @description -sorthits, in formats 0 to 4: 0 by E-value, 1 bit score, 2 total score, 3 percent identity, 4 query coverage */
                sorthits?: number | null;
                /** @description -sorthsps, in format 0: 0 by E-value, 1 score, 2 start in the query, 3 percent identity, 4 start in the subject */
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
                /** @description As -outfmt of BLAST+; without it the search's own output, or 0 */
                outfmt?: string | null;
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by their 0-based numbers: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7 */
                hit?: string | null;
                /** @description -num_descriptions; in formats 0 to 4, at most as many as the search kept (its -max_target_seqs) */
                num_descriptions?: number | null;
                /** @description -num_alignments; in formats 0 to 4, at most as many as the search kept (its -max_target_seqs) */
                num_alignments?: number | null;
                /** @description -line_length: letters of a line, in formats 0 to 4 */
                line_length?: number | null;
                /** @description -html */
                html?: boolean;
                /** @description -show_gis */
                show_gis?: boolean;
                /** @description -sorthits, in formats 0 to 4: 0 by E-value, 1 bit score, 2 total score, 3 percent identity, 4 query coverage */
                sorthits?: number | null;
                /** @description -sorthsps, in format 0: 0 by E-value, 1 score, 2 start in the query, 3 percent identity, 4 start in the subject */
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
                /** @description Of one hit: the region's first letter, from 1 */
                start?: number | null;
                /** @description And its last one */
                end?: number | null;
                /** @description Of a nucleotide region */
                strand?: "plus" | "minus";
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by their 0-based numbers: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7 */
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
                /** @description Of one hit: the region's first letter, from 1 */
                start?: number | null;
                /** @description And its last one */
                end?: number | null;
                /** @description Of a nucleotide region */
                strand?: "plus" | "minus";
                /** @description Token of a share link */
                share?: string | null;
                /** @description Only these queries, by their 0-based numbers: 3, or 0-4,7 */
                query?: string | null;
                /** @description Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7 */
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
                /** @description A part of a scientific name; or a taxid, which stands for what descends from it, too, where that is known */
                organism?: string;
                sort?: string;
                after?: number;
                limit?: number;
                /** @description Token of a share link */
                share?: string | null;
                /** @description In ids and titles */
                text?: string;
                /** @description At most */
                evalue?: number | null;
                /** @description At least, in percent */
                identity?: number | null;
                /** @description At least, in percent of the query */
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
                /** @description Of the first so many hits */
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
            /** @description It takes its time */
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
            /** @description It takes its time */
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
                /** @description Of each node */
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
                    "application/json": {
                        [key: string]: unknown;
                    };
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
                /** @description A path of this service to end at */
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
