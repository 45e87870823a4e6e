// The page at `/vm/{id}/terminal`, and `/session/{id}/terminal`: a shell in a VM, for operators. Files that are dropped on it are
// uploaded, and those that are named in its bar downloaded.

import "../../styles/terminal.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { type Gate, openGate } from "../access/gate.ts";
import type { ApiClient } from "../api/client.ts";
import { vm as oneVm } from "../console/calls.ts";
import { idInTerminalPath, idInVmTerminalPath } from "../session/address.ts";
import { strings } from "../strings.ts";
import { startDownload } from "../terminal/download.ts";
import { Program, programAddress } from "../terminal/program.ts";
import { upload } from "../terminal/upload.ts";
import { asksForDownload, downloadForm } from "../view/download-form.ts";
import { element, setText } from "../view/element.ts";
import { root } from "../view/shell.ts";
import { troubleInWords } from "../words/trouble.ts";

const words = strings.terminal;

class TerminalPage {
  private readonly address: string;
  private readonly terminal = new Terminal({
    cursorBlink: true,
    fontFamily: "DejaVu Sans Mono, Menlo, Consolas, monospace",
    fontSize: 14,
    scrollback: 10_000,
    theme: { background: "#1e222a", foreground: "#dfe3ea" },
  });
  private readonly fit = new FitAddon();
  private readonly note = element("p", { class: "terminal-note", role: "status" }, words.connecting);
  private readonly surface = element("div", { class: "vm-terminal" });
  private program: Program | null = null;

  private readonly downloads = downloadForm(
    (path) => void this.fetch(path),
    () => this.terminal.focus(),
  );

  constructor(
    private readonly api: ApiClient,
    private readonly vm: string,
  ) {
    this.address = programAddress(new URL(location.href), vm);
    const bar = element("div", { class: "terminal-bar" }, this.note, this.downloads.root);
    root().replaceChildren(this.surface, bar);
    this.terminal.loadAddon(this.fit);
    this.terminal.open(this.surface);
    this.fit.fit();
    const keys = new TextEncoder();
    this.terminal.onData((data) => {
      if (this.program) this.program.write(keys.encode(data));
      else if (data === "\r") this.begin();
    });
    // Mouse reports of old programs are bytes, not text.
    this.terminal.onBinary((data) => this.program?.write(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    this.terminal.onResize(({ rows, cols }) => this.program?.resize(rows, cols));
    new ResizeObserver(() => this.fit.fit()).observe(this.surface);
    this.terminal.attachCustomKeyEventHandler((press) => !this.leadsToDownloads(press));
    this.takeDrops();
    this.begin();
  }

  /** The one chord that is not the VM's. */
  private leadsToDownloads(press: KeyboardEvent): boolean {
    if (!asksForDownload(press)) return false;
    press.preventDefault();
    if (press.type === "keydown") this.downloads.focus();
    return true;
  }

  private begin(): void {
    const { rows, cols } = this.terminal;
    const spec = { terminal: { term: "xterm-256color", rows, columns: cols } };
    const program = new Program(this.address, spec, {
      output: (bytes, done) => this.terminal.write(bytes, done),
      connected: (is) => {
        setText(this.note, is ? words.dropHint : words.reconnecting);
        // It may have become another one meanwhile.
        if (is) program.resize(this.terminal.rows, this.terminal.cols);
      },
      ended: (how) => {
        this.program = null;
        const said = "lost" in how ? how.lost || words.lost : words.ended(how.code, how.cause);
        setText(this.note, `${said} ${words.again}`);
      },
    });
    this.program = program;
    this.terminal.focus();
  }

  private takeDrops(): void {
    const marked = (is: boolean) => this.surface.classList.toggle("drop-target", is);
    this.surface.addEventListener("dragover", (event) => {
      event.preventDefault();
      marked(true);
    });
    this.surface.addEventListener("dragleave", () => marked(false));
    this.surface.addEventListener("drop", (event) => {
      event.preventDefault();
      marked(false);
      void this.send([...(event.dataTransfer?.files ?? [])]);
    });
  }

  private async fetch(path: string): Promise<void> {
    setText(this.note, words.download.looking(path));
    try {
      const { name, bytes } = await this.api.aboutFile(this.vm, path);
      startDownload(this.api.fileAddress(this.vm, path), name);
      setText(this.note, words.download.started(name, bytes));
    } catch (error) {
      setText(this.note, words.download.failed(path, troubleInWords(error)));
    }
  }

  /** One after the other: together they would be no faster. */
  private async send(files: readonly File[]): Promise<void> {
    for (const file of files) {
      try {
        await upload(this.address, file, (share) => setText(this.note, words.sending(file.name, share)));
        setText(this.note, words.sent(file.name));
      } catch (error) {
        setText(this.note, words.notSent(file.name, error instanceof Error ? error.message : ""));
      }
    }
  }
}

async function openPage(gate: Gate, vmOf: (api: ApiClient) => Promise<string | null>): Promise<void> {
  try {
    const vmId = await vmOf(gate.api);
    if (vmId === null) root().replaceChildren(element("p", { class: "terminal-note" }, words.noVm));
    else new TerminalPage(gate.api, vmId);
  } catch (error) {
    if (!gate.refused(error)) {
      root().replaceChildren(element("p", { class: "terminal-note" }, troubleInWords(error)));
    }
  }
}

const session = idInTerminalPath(location.pathname);
const vm = idInVmTerminalPath(location.pathname);
void openGate((gate) => {
  // Asked for, although the id is known: whoever is not let in gets the form instead of a connection that fails.
  if (vm !== null) void openPage(gate, async () => (await oneVm(vm)).id);
  if (session !== null) void openPage(gate, async (api) => (await api.session(session)).vmId);
});
