// The ids of sessions and VMs in the addresses of the pages.

/** From `/session/{id}`, `null` for any other path. */
export function idInSessionPath(path: string): string | null {
  return idIn(/^\/session\/([^/]+)\/?$/, path);
}

/** From `/session/{id}/terminal`. */
export function idInTerminalPath(path: string): string | null {
  return idIn(/^\/session\/([^/]+)\/terminal\/?$/, path);
}

/** From `/vm/{id}/terminal`. */
export function idInVmTerminalPath(path: string): string | null {
  return idIn(/^\/vm\/([^/]+)\/terminal\/?$/, path);
}

/** From `/api/auth/session/{id}/novnc`. */
export function idInEmbeddedPath(path: string): string | null {
  return idIn(/^\/api\/auth\/session\/([^/]+)\/novnc\/?$/, path);
}

function idIn(pattern: RegExp, path: string): string | null {
  const encoded = pattern.exec(path)?.[1];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
