import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { api, told } from "../api/client";
import { bytes, compact } from "../model/display";
import { Dialog } from "../parts/Dialog";
import { ProblemBox } from "../parts/Told";
import { texts } from "../texts";

const { databases: words } = texts;
const GIB = 2 ** 30;

/** Plans the shards of a database for a number of nodes. */
export function Plan({ name, onClose }: { name: string; onClose: () => void }) {
  const [nodes, setNodes] = useState(2);
  const [memory, setMemory] = useState(16);
  const query = useDeferredValue({ nodes, memory_bytes: Math.round(memory * GIB) }, undefined);
  const found = useQuery({
    queryKey: ["plan", name, query.nodes, query.memory_bytes],
    queryFn: ({ signal }) =>
      told(api.GET("/api/v1/databases/{name}/plan", { params: { path: { name }, query }, signal })),
    enabled: query.nodes >= 1 && query.memory_bytes >= 1,
    placeholderData: (known) => known,
  });
  return (
    <Dialog title={words.planTitle(name)} onClose={onClose}>
      <div className="fields">
        <label className="field">
          <span>{words.planNodes}</span>
          <input
            type="number"
            min={1}
            max={10000}
            value={nodes}
            onChange={(event) => setNodes(event.target.valueAsNumber)}
          />
        </label>
        <label className="field">
          <span>{words.planMemory}</span>
          <input
            type="number"
            min={0.1}
            step="any"
            value={memory}
            onChange={(event) => setMemory(event.target.valueAsNumber)}
          />
        </label>
      </div>
      {found.error !== null && <ProblemBox error={found.error} />}
      {found.data !== undefined && (
        <>
          {found.data.fits ? (
            <p className="good">
              ✓ {words.planFits} {words.balance(found.data.balance.toFixed(2))}
            </p>
          ) : (
            <div className="box warning">
              <strong>{found.data.problem}</strong> <em>{found.data.remedy}</em>
            </div>
          )}
          <div className="scroller short" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{words.planShare}</th>
                  {[words.planLetters, words.planDisk, words.planInMemory].map((column) => (
                    <th key={column} scope="col" className="number">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {found.data.shares.map((one, at) => (
                  <tr key={`${at} ${one.letters}`}>
                    <td>{at + 1}</td>
                    <td className="number">{compact(one.letters)}</td>
                    <td className="number">{bytes(one.staged_bytes)}</td>
                    <td className="number">{bytes(one.mapped_bytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Dialog>
  );
}
