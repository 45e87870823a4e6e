// Streams are for who looks. A browser has six connections for one daemon, whatever the number of tabs, and a page that it keeps
// for its Back button keeps its own.

/** Whoever looks at another tab for a moment comes back to a page that has gone on. */
const HIDDEN_FOR_MS = 10_000;

/**
 * Does the work as long as somebody looks at the page, and begins it anew whenever somebody does again. Ends with the work, or
 * when `left` is aborted.
 */
export async function whileLookedAt(
  left: AbortSignal,
  work: (away: AbortSignal) => Promise<void>,
): Promise<void> {
  while (!left.aborted) {
    await lookedAt(left);
    const away = new AbortController();
    const leave = (): void => away.abort();
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      clearTimeout(leaving);
      if (document.hidden) leaving = setTimeout(leave, HIDDEN_FOR_MS);
    };
    left.addEventListener("abort", leave);
    addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", look);
    try {
      if (left.aborted) return;
      await work(away.signal);
      return;
    } catch (error) {
      if (!away.signal.aborted) throw error;
    } finally {
      clearTimeout(leaving);
      left.removeEventListener("abort", leave);
      removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", look);
    }
  }
}

function lookedAt(left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !left.aborted) return;
      removeEventListener("pageshow", look);
      document.removeEventListener("visibilitychange", look);
      left.removeEventListener("abort", look);
      resolve();
    };
    addEventListener("pageshow", look);
    document.addEventListener("visibilitychange", look);
    left.addEventListener("abort", look);
    look();
  });
}
