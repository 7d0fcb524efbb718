import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { complain } from "../parts/actions";
import { api, told, type Search } from "../api/client";
import { sharesQuery } from "../api/queries";
import { exactTime, time } from "../model/display";
import { Command } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { texts } from "../texts";

export function Share({ search, onClose }: { search: Search; onClose: () => void }) {
  const client = useQueryClient();
  const known = useQuery(sharesQuery(search.id));
  const again = () => void client.invalidateQueries(sharesQuery(search.id));
  const place = { search_id: search.id };
  const make = useMutation({
    mutationFn: () => told(api.POST("/api/v1/searches/{search_id}/share", { params: { path: place } })),
    onSuccess: again,
    onError: complain,
  });
  const revoke = useMutation({
    mutationFn: (share: string) =>
      told(
        api.DELETE("/api/v1/searches/{search_id}/shares/{share_id}", {
          params: { path: { ...place, share_id: share } },
        }),
      ),
    onSuccess: again,
    onError: complain,
  });
  return (
    <Dialog title={texts.search.shareTitle} onClose={onClose}>
      <p>{texts.search.shareHelp}</p>
      {make.data === undefined ? (
        <button type="button" className="primary" disabled={make.isPending} onClick={() => make.mutate()}>
          {texts.search.shareMake}
        </button>
      ) : (
        <Command
          label={texts.search.share}
          text={`${location.origin}/searches/${search.id}#share=${encodeURIComponent(make.data.token)}`}
        />
      )}
      <h3>{texts.search.shareList}</h3>
      {known.data?.length === 0 && <p className="quiet">{texts.search.shareNone}</p>}
      <ul className="plain">
        {known.data?.map((one) => (
          <li key={one.id} className="row">
            <span className="grow" title={exactTime(one.created)}>
              {texts.search.shareMade(time(one.created))}
            </span>
            <button type="button" className="small danger" onClick={() => revoke.mutate(one.id)}>
              {texts.search.shareRevoke}
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
