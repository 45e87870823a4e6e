// Every word the pages say, in one place. No logic beyond putting a name into a sentence.

import { bytesInWords } from "./words/bytes.ts";

export const strings = {
  product: "Anteroom",
  tagline: "Sign in to a command-line tool inside a desktop that exists only for that.",
  licences: "Open-source licences",
  places: "Places",
  console: "Console",

  access: {
    title: "Sign in to Anteroom",
    explanation: "Paste the key that “anteroom up” printed. This browser then remembers it.",
    key: "Key",
    submit: "Sign in",
    working: "Checking…",
    wrongKey: "That key is not the one this Anteroom expects. Copy it again from the terminal.",
    emptyKey: "The key is empty.",
  },

  start: {
    title: "Start a sign-in",
    provider: "What do you want to sign in to?",
    launch: "How?",
    user: "User id",
    userHint: "Credentials are stored under this name.",
    userMissing: "Enter a user id.",
    submit: "Start",
    working: "Starting…",
    noProviders: "No tool can be signed in yet: the daemon has no provider definitions.",
    loadingProviders: "Loading…",
    retry: "Try again",
  },

  sessions: {
    title: (user: string) => (user === "" ? "Sign-ins" : `Sign-ins · ${user}`),
    loading: "Loading…",
    none: "No sign-ins yet. The first one appears here.",
    noUser: "Enter a user id to see its sign-ins.",
    created: "Started",
  },

  status: {
    initializing: "Starting",
    vm_created: "Starting the desktop",
    ready: "Desktop ready",
    awaiting_user_auth: "Waiting for you",
    completed: "Signed in",
    failed: "Failed",
    timeout: "Timed out",
    cancelled: "Cancelled",
    unknown: "In progress",
  },

  now: {
    loading: "Looking up this sign-in…",
    initializing: "Starting a fresh virtual machine.",
    queued: (ahead: string) =>
      `Many are starting at once. Your virtual machine waits for its turn: ${ahead}.`,
    vm_created: "The virtual machine is running. Its desktop comes next.",
    ready: (provider: string) => `The desktop is here. ${provider} is opening its sign-in page.`,
    awaiting_user_auth: (provider: string) => `Your turn: sign in to ${provider} in the desktop.`,
    device: (provider: string) => `Your turn: enter the code to sign in to ${provider}.`,
    code: (provider: string) => `Your turn: sign in to ${provider}, then paste the code that its page shows.`,
    completed: "Signed in. You are done here.",
    failed: "This sign-in did not work.",
    timeout: "The time for this sign-in ran out.",
    cancelled: "This sign-in was cancelled.",
    unknown: "The sign-in goes on.",
    missing: "There is no such sign-in.",
  },

  attempt: {
    title: "That did not work",
    expired: "The code has expired",
    again: "Try again",
    now: "The sign-in failed. The desktop is still there: try again.",
  },

  progress: {
    label: "Progress of the sign-in",
    steps: ["Starting the VM", "Desktop", "Tool", "Sign-in page", "Signed in"],
    done: "done",
    current: "now",
    stopped: "stopped here",
  },

  desktop: {
    label:
      "Desktop of the virtual machine. To leave it with the keyboard, press and release left Ctrl and Alt.",
    viewOnlyLabel: "Picture of the virtual machine's desktop",
    placeholder: "The desktop appears here as soon as it can be seen.",
    connecting: "Connecting to the desktop…",
    reconnecting: "The picture was interrupted. Reconnecting…",
    gone: "This desktop is gone.",
    by: { live: "Live", plain: "Plain picture (noVNC)" },
    whyPlain:
      "The network or this browser does not let the live picture through, so it comes the slower way.",
    quality: (size: string, rate: string, delay: string) =>
      ["Live", size, rate, delay].filter((part) => part !== "").join(" · "),
    keyboard: "Keyboard",
    actualSize: "Actual size",
    fit: "Fit to page",
    fullScreen: "Full screen",
    leaveFullScreen: "Leave full screen",
    leaveHint: "Left Ctrl + Alt leaves the desktop",
    copy: "Copy from desktop",
    copied: "Copied",
    copyFailed: "Your browser did not allow it",
    pasteTooLong: "That text is too long to paste into the desktop.",
  },

  control: {
    never: "View only: nothing that you do here reaches the desktop.",
    other: "Another page has the desktop in hand.",
    free: "Nobody has the desktop in hand.",
    take: "Take control",
    atWork: "The other page is at work. It can be taken over when it has rested for three seconds.",
  },

  terminal: {
    open: "Open a terminal in the VM",
    noVm: "This sign-in has no VM to open a terminal in.",
    connecting: "Connecting…",
    reconnecting: "The connection was interrupted. Reconnecting…",
    lost: "The terminal is gone.",
    ended: (code: number, cause: string | null) =>
      cause === null ? `The shell has ended with code ${code}.` : `The shell has ended: ${cause}.`,
    again: "Press Enter for a new one.",
    sending: (name: string, share: number) => `${name}: ${Math.floor(share * 100)} %`,
    sent: (name: string) => `${name} is in the home directory of the VM.`,
    notSent: (name: string, why: string) => `${name} was not sent: ${why}`,
    dropHint: "Drop files here to put them into the home directory. Ctrl+Shift+S downloads one.",
    download: {
      path: "File or directory of the VM",
      keys: "Ctrl+Shift+S in the terminal leads here, Escape leads back",
      start: "Download",
      looking: (path: string) => `Looking for ${path}…`,
      started: (name: string, bytes: number | null) =>
        `Downloading ${name}${bytes === null ? "" : ` (${bytesInWords(bytes)})`}: your browser shows how far it is.`,
      failed: (path: string, why: string) => `${path} is not downloaded: ${why}`,
    },
  },

  typing: {
    title: "Type or paste text",
    titleWithoutPaste: "Type text",
    explanation:
      "For phones, and for text that is awkward to type. It goes where the cursor is in the desktop.",
    explanationWithoutPaste: "For phones. It goes where the cursor is in the desktop.",
    text: "Text for the desktop",
    send: "Send",
    keys: {
      Enter: "Enter",
      Tab: "Tab",
      Backspace: "Backspace",
      Escape: "Esc",
      Interrupt: "Ctrl+C",
      OtherWindow: "Alt+Tab",
    },
  },

  /** By what there is to sign in with. */
  aid: {
    link: {
      title: "Sign-in link",
      explanation: "Already open in the desktop. You may use a browser of your own as well.",
    },
    ticket: {
      title: "Sign-in link",
      explanation:
        "Already open in the desktop. A browser of your own will do as well: the tool notices by itself.",
    },
    codeless: {
      title: "Sign-in link",
      explanation:
        "Open it on any device, for example your phone. The code that it asks for is in the terminal.",
    },
    device: {
      title: "One-time code",
      explanation: "Open the sign-in page on any device, for example your phone, and enter this code there.",
    },
    asked: {
      title: "The tool asks for a code",
      explanation: "Its sign-in page shows the code when you have signed in.",
    },
  },

  device: {
    copy: "Copy code",
    copied: "Copied",
    copyFailed: "Select the code and copy it by hand",
    expires: (clock: string) => `Expires in ${clock}`,
    expired: "This code has expired. You can try again as soon as the tool has noticed.",
    aloud: (code: string) => `Your one-time code is ${code}.`,
    aloudWithin: (code: string, amount: string) =>
      `Your one-time code is ${code}. It expires within ${amount}.`,
  },

  link: {
    copy: "Copy link",
    copied: "Copied",
    copyFailed: "Select the link and copy it by hand",
    reopen: "Reopen in desktop",
    reopened: "Opened",
    notReopened: "The VM did not open it",
  },

  /** What is brought back from a browser outside the desktop. */
  own: {
    address: {
      title: "Signed in with your own browser?",
      hint: "It ends on a page that cannot be reached, at http://localhost… Paste that address here.",
      field: "Address of that page",
      placeholder: "http://localhost:…",
    },
    code: {
      title: "Paste the code",
      hint: "When you have signed in, the page shows a code. Paste it here, or the address of that page.",
      field: "Code from the sign-in page",
      placeholder: "Code or address",
    },
    either: {
      title: "Signed in with your own browser?",
      hint: "It ends on a page that shows a code, or on one at http://localhost… that cannot be reached. Paste the code or the address here.",
      field: "Code from the sign-in page, or address of the last page",
      placeholder: "Code or address",
    },
    hand: "Hand it over",
    handing: "Handing over…",
    taken: {
      address: "The tool has it. This page says when it has finished.",
      code: "It is typed into the terminal. The tool checks it now; this page says what comes of it.",
    },
  },

  cancel: {
    button: "Cancel",
    title: "Cancel this sign-in?",
    explanation: "The VM and everything in it is thrown away. Nothing is stored.",
    confirm: "Cancel the sign-in",
    keep: "Keep going",
    working: "Cancelling…",
  },

  ending: {
    completed: (provider: string) => `${provider} is signed in.`,
    kept: (user: string) =>
      `What keeps it signed in is stored, sealed${user === "" ? "" : `, for ${user}`}. The virtual machine is gone, and all else that was in it.`,
    close: "You can close this page.",
    failed: "What went wrong",
    noCause: "The daemon gave no cause.",
    details: "Details",
    nothingStored: "The VM is gone and nothing was stored.",
    missing: "It may have been removed, or the address is incomplete.",
    forbidden: "It belongs to another user.",
    again: "Try again",
    elsewhere: "To try again, go back to where you came from and start anew.",
    another: "Start another sign-in",
    back: "Back to all sign-ins",
    working: "Starting…",
  },

  /** How many are before. */
  ahead: (count: number) => (count === 0 ? "it is the next" : `${count} before it`),

  embedded: {
    initializing: "The virtual machine is starting.",
    queued: (ahead: string) => `The virtual machine waits for its turn to start: ${ahead}.`,
    vm_created: "The desktop is starting.",
    refused: "This link to the desktop is no longer valid.",
  },

  trouble: {
    unreachable: "Anteroom does not answer. Check your connection; this page tries again by itself.",
    unreachableOnce: "Anteroom does not answer. Check your connection and try again.",
    tryingAgain: "Trying again by itself.",
    tooMany: "Too many requests in a short time. Wait a little and try again.",
    tooManyWaiting: "Too many requests in a short time. Going on in a moment.",
    notSignedIn: "This browser is not signed in.",
    hostFault: "Anteroom had a problem of its own.",
    unreadable: "Anteroom gave an answer that this page does not understand. Reload the page.",
  },

  time: {
    justNow: "just now",
    ago: (amount: string) => `${amount} ago`,
    seconds: (count: number) => (count === 1 ? "1 second" : `${count} seconds`),
    minutes: (count: number) => (count === 1 ? "1 minute" : `${count} minutes`),
    hours: (count: number) => (count === 1 ? "1 hour" : `${count} hours`),
    days: (count: number) => (count === 1 ? "1 day" : `${count} days`),
    started: (ago: string) => `Started ${ago}`,
    took: (amount: string) => `Took ${amount}`,
  },
} as const;
