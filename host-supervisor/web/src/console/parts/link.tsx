// A way to one of the things of another place, for whoever may see that.

import { may } from "../myself.ts";
import { address } from "../navigation.ts";

/** Named by the beginning of its id. The scopes are called as the places that they open. */
export function LinkTo({ place, id }: { place: "sessions" | "vms"; id: string }) {
  const short = <code>{id.slice(0, 8)}</code>;
  return may(place) ? <a href={address(place, id)}>{short}</a> : short;
}
