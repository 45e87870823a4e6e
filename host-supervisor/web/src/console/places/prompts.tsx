// What was asked of users' CLIs, and what became of it; neither the words nor the answers are kept.

import { words } from "../strings.ts";
import { durationInWords } from "../../words/time.ts";
import * as calls from "../calls.ts";
import { prompts } from "../live.ts";
import { Act } from "../parts/act.tsx";
import { Status } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { LinkTo } from "../parts/link.tsx";
import { Listing } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import type { Prompt } from "../types.ts";

const goesOn = (prompt: Prompt): boolean => !["done", "failed", "cancelled"].includes(prompt.status);

function took({ createdAt, endedAt }: Prompt): string {
  return endedAt ? durationInWords(Date.parse(endedAt) - Date.parse(createdAt)) : "";
}

const COLUMNS: readonly Column<Prompt>[] = [
  { name: words.prompts.user, cell: (prompt) => <span class="name">{prompt.userId}</span> },
  { name: words.prompts.provider, cell: (prompt) => prompt.provider },
  { name: words.prompts.status, cell: (prompt) => <Status is={prompt.status} /> },
  { name: words.prompts.asked, cell: (prompt) => <Ago at={prompt.createdAt} /> },
  { name: words.prompts.took, cell: took },
  {
    name: words.prompts.vm,
    cell: (prompt) => prompt.vmId && <LinkTo place="vms" id={prompt.vmId} />,
  },
  { name: words.prompts.why, cell: (prompt) => prompt.failure?.message ?? "" },
  {
    name: words.prompts.end,
    cell: (prompt) =>
      goesOn(prompt) && (
        <Act
          label={words.prompts.cancel}
          act={() => calls.cancelPrompt(prompt.id)}
          confirm={{ title: words.prompts.cancelTitle, text: words.prompts.cancelText }}
        />
      ),
  },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.goingOn, has: goesOn },
  { name: words.groups.failed, has: (prompt: Prompt) => prompt.status === "failed" },
];

export function Prompts() {
  return (
    <>
      <Heading title={words.places.prompts} />
      <Listing
        book={prompts}
        label={words.places.prompts}
        search={words.prompts.search}
        text={(prompt) => `${prompt.userId} ${prompt.provider} ${prompt.id} ${prompt.failure?.message ?? ""}`}
        id={(prompt) => prompt.id}
        columns={COLUMNS}
        groups={GROUPS}
        none={words.prompts.none}
      />
    </>
  );
}
