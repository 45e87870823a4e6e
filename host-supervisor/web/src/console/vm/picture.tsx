// The desktop as it is now; a click asks for it, because it costs the VM something.

import { useState } from "preact/hooks";
import { words } from "../strings.ts";
import { programAddress } from "../../terminal/program.ts";
import { screenshot } from "../../terminal/screenshot.ts";
import { Act } from "../parts/act.tsx";
import { ApiError } from "../../api/error.ts";

export function Picture({ vm }: { vm: string }) {
  const [picture, setPicture] = useState<string | null>(null);
  const take = async (): Promise<void> => {
    try {
      setPicture(await screenshot(programAddress(new URL(location.href), vm)));
    } catch (error) {
      throw new ApiError("refused", 0, error instanceof Error ? error.message : "");
    }
  };
  return (
    <section class="card">
      <div class="card-head">
        <h2>{words.vm.picture}</h2>
        <Act label={picture === null ? words.vm.takePicture : words.vm.takeAnother} act={take} />
      </div>
      {picture !== null && (
        <>
          <img class="picture" src={picture} alt={words.vm.pictureOf(vm.slice(0, 8))} />
          <a href={picture} download={`vm-${vm.slice(0, 8)}.png`}>
            {words.vm.savePicture}
          </a>
        </>
      )}
    </section>
  );
}
