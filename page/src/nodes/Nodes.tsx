import { useQuery } from "@tanstack/react-query";
import type { Node, Schemas } from "../api/client";
import { useLiveNodes } from "../api/liveCluster";
import { meQuery } from "../api/queries";
import { bytes, count, exactTime, percent, time } from "../model/display";
import { mapsOf, totals } from "../model/nodes";
import { Fact } from "../parts/Fact";
import { Meter } from "../parts/Meter";
import { ConnectionState, Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { Scale } from "./Scale";
import { ShardMap } from "./ShardMap";

const { nodes: words } = texts;

/** All nodes, updated live. */
export function Nodes() {
  const { nodes, scaling, connection, refused } = useLiveNodes();
  const me = useQuery(meQuery);
  const mayScale = me.data?.scopes.includes("admin") === true;
  return (
    <section className="page" aria-labelledby="nodes-title">
      <header className="row wrap">
        <h1 id="nodes-title">{texts.nav.nodes}</h1>
        {nodes !== null && nodes.length > 0 && <Summary nodes={nodes} />}
      </header>
      {refused === null ? <ConnectionState connection={connection} /> : <ProblemBox error={refused} />}
      {nodes === null && refused === null && <Loading />}
      {scaling !== null && <Scale scaling={scaling} mayScale={mayScale} />}
      {nodes?.length === 0 && <Empty title={words.empty} help={words.emptyHelp} />}
      {nodes !== null && nodes.length > 0 && (
        <>
          <Maps nodes={nodes} />
          <div className="nodes">
            {nodes.map((one) => (
              <NodeCard key={one.name} node={one} />
            ))}
          </div>
        </>
      )}
    </section>
  );
}

function Summary({ nodes }: { nodes: readonly Node[] }) {
  const all = totals(nodes);
  const states = [
    words.areConnected(count(all.connected)),
    ...(all.draining > 0 ? [words.areDraining(count(all.draining))] : []),
    ...(all.lost > 0 ? [words.areLost(count(all.lost))] : []),
    words.areRunning(count(all.running), count(all.cores)),
  ];
  return <span className="quiet">{states.join(" · ")}</span>;
}

function Maps({ nodes }: { nodes: readonly Node[] }) {
  const maps = mapsOf(nodes);
  if (maps.length === 0) return null;
  return (
    <section className="card" aria-labelledby="map-title">
      <h2 id="map-title">{words.map}</h2>
      <p className="quiet">{words.legend}</p>
      {maps.map((one) => (
        <ShardMap key={`${one.database} ${one.generation}`} map={one} />
      ))}
    </section>
  );
}

function NodeCard({ node }: { node: Node }) {
  const isLost = node.state === "lost";
  const { kind, told } = stateOf(node);
  return (
    <article className={isLost ? "card node lost" : "card node"} aria-label={node.name}>
      <header className="row wrap">
        <h2>{node.name}</h2>
        <span className="grow" />
        <span className={`state ${kind}`} title={exactTime(node.last_seen)}>
          {told}
        </span>
      </header>
      <dl className="facts-list inline">
        <Fact name={words.running}>{words.ofCores(count(node.running), count(node.cores))}</Fact>
        <Fact name={words.memory}>{bytes(node.memory_bytes)}</Fact>
        <Fact name={words.disk}>
          {bytes(node.disk_used_bytes)} / {bytes(node.disk_budget_bytes)}
        </Fact>
        <Fact name={words.free}>{bytes(node.disk_free_bytes)}</Fact>
      </dl>
      <h3>{words.holds}</h3>
      {node.generations.length === 0 && <p className="quiet">{words.nothing}</p>}
      {node.generations.map((one) => (
        <Held key={`${one.database} ${one.generation}`} one={one} />
      ))}
    </article>
  );
}

function stateOf(node: Node): { kind: string; told: string } {
  switch (node.state) {
    case "lost":
      return { kind: "failed", told: `! ${words.lost}, ${words.lastSeen(time(node.last_seen))}` };
    case "draining":
      return { kind: "queued", told: `◌ ${words.draining}` };
    default:
      return { kind: "completed", told: `✓ ${words.connected}` };
  }
}

function Held({ one }: { one: Schemas["HeldGenerationOut"] }) {
  const share = one.resident_bytes === null || one.mapped_bytes === 0 ? null : one.resident_bytes / one.mapped_bytes;
  return (
    <div className="held">
      <span className="clip">
        <strong>{one.database}</strong>{" "}
        <span className="quiet">
          {words.volumes(count(one.volumes.length), count(one.num_volumes))}
          {one.in_place && `, ${words.inPlace}`}
        </span>
      </span>
      <span className="quiet number">
        {bytes(one.size_bytes)}
        {share !== null && `, ${percent(share)} ${words.resident}`}
      </span>
      {share !== null && (
        <span className="whole">
          <Meter share={share} label={words.residentOf(one.database)} />
        </span>
      )}
    </div>
  );
}
