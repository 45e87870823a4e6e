// The user id and the tool that were used last in this browser.

const USER_KEY = "anteroom.user";
const PROVIDER_KEY = "anteroom.provider";
const DEFAULT_USER = "me";

export function lastUser(): string {
  return read(USER_KEY) ?? DEFAULT_USER;
}

export function lastProvider(): string | null {
  return read(PROVIDER_KEY);
}

export function rememberStart(userId: string, providerId: string): void {
  write(USER_KEY, userId);
  write(PROVIDER_KEY, providerId);
}

// A browser that keeps nothing (private windows, blocked storage) throws; the default will do then.

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
}
