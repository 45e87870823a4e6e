// Whether a VM is well, and what its serial console has said last.

import { useState } from "preact/hooks";
import { words } from "../strings.ts";
import { bytesInWords } from "../../words/bytes.ts";
import * as calls from "../calls.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { Facts } from "../parts/facts.tsx";
import { Failed, Loading, Trouble } from "../parts/told.tsx";
import type { VmDetails } from "../types.ts";

export function Condition({ vm }: { vm: VmDetails }) {
  const states = vm.services.map(({ name, state }) => `${name} ${state.is}`).join();
  const { value, error, again } = useAsked(() => calls.diagnostics(vm.id), [vm.id, vm.phase, states]);
  const [whole, setWhole] = useState<string | null>(null);
  const lookAgain = (): void => {
    setWhole(null);
    again();
  };
  return (
    <section class="card">
      <div class="card-head">
        <h2>{words.vm.condition}</h2>
        {value && (
          <Badge tone={value.healthy ? "good" : "bad"}>
            {value.healthy ? words.vm.healthy : words.vm.unhealthy}
          </Badge>
        )}
      </div>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.problems
        .filter(({ code }) => code !== vm.failure?.code)
        .map((problem) => (
          <Failed key={problem.message} failure={problem} />
        ))}
      {value?.memory && (
        <Facts
          of={[
            [
              words.vm.memory,
              words.of(
                bytesInWords(1024 * (value.memory.total_kib - value.memory.available_kib)),
                bytesInWords(1024 * value.memory.total_kib),
              ),
            ],
          ]}
        />
      )}
      {value && (
        <>
          <h3>{words.vm.console}</h3>
          <pre class="log" tabIndex={0} aria-label={words.vm.console}>
            {whole ?? (value.console.join("\n") || words.vm.silent)}
          </pre>
          <div class="buttons">
            <button type="button" onClick={lookAgain}>
              {words.vm.again}
            </button>
            {whole === null && value.console.length > 0 && (
              <Act label={words.vm.wholeConsole} act={async () => setWhole(await calls.consoleLog(vm.id))} />
            )}
          </div>
        </>
      )}
    </section>
  );
}
