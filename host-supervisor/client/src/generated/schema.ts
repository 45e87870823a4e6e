// Made by generate.mjs out of openapi.json. Changes here are lost.

export interface paths {
  "/api/admin/audit": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who did what */
    get: operations["listAudit"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/cleanup/orphaned-resources": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Removes what VMs have left that are gone */
    post: operations["cleanUp"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/health/system": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What is wrong with the whole */
    get: operations["getSystemHealth"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/keys": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Keys of the API, oldest first */
    get: operations["listKeys"];
    put?: never;
    /** Another key; its text is told here and never again */
    post: operations["createKey"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/keys/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Ends a key */
    delete: operations["deleteKey"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/providers": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Every definition, offered or not, and what is wrong with files */
    get: operations["listDefinitions"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/settings": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Which settings count, and where they come from */
    get: operations["listSettings"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/snapshots": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What VMs begin with, and how many are ready */
    get: operations["listSnapshots"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/system/stats": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What runs, and what the host has left */
    get: operations["getSystemStatistics"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/admin/vm/{id}/console": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The log of its serial console */
    get: operations["getConsole"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/credentials/{user}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Which credentials there are, without their contents */
    get: operations["listCredentials"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/credentials/{user}/{provider}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Forgets them, and takes them out of the user's VM */
    delete: operations["deleteCredentials"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/health": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The same, at the address of old */
    get: operations["getAuthHealth"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/rotate": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Starts one whose credentials replace the older ones */
    post: operations["rotateCredentials"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One session, at once or when something about it changes */
    get: operations["getSession"];
    put?: never;
    post?: never;
    /** Ends the session, forgets it and its credentials */
    delete: operations["deleteSession"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/callback": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Hands the last address of a browser outside to the CLI */
    post: operations["sendCallback"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/cancel": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Ends the session and its VM */
    post: operations["cancelSession"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/code": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Types a code of the sign-in page into the terminal */
    post: operations["sendCode"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/credentials/status": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether there are credentials, and at the end the credentials */
    get: operations["getCredentials"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/events": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The session and its changes as server-sent events */
    get: operations["followSession"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/heartbeat": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Keeps the session from its idle limit */
    post: operations["keepSession"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/history": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What was seen of it, in words */
    get: operations["getHistory"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/oauth-url": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The sign-in page, or 202 until it is known */
    get: operations["getSignInUrl"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/open-url": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Opens an address in the VM's browser */
    post: operations["openUrl"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/retry": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Another attempt after a failed one, in the same VM */
    post: operations["retrySignIn"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/token": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** A token that opens this session for a while */
    post: operations["createToken"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/vm": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Its VM; 410 when that is gone */
    get: operations["getVmOfSession"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/session/{id}/vnc": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The desktop's RFB bytes in a WebSocket; with role=viewer no input */
    get: operations["openDesktop"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/sessions": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Everybody's sessions, newest first */
    get: operations["listSessions"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/sessions/{user}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One user's sessions, newest first */
    get: operations["listSessionsOfUser"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/start": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Starts a sign-in, and a VM for it */
    post: operations["startSession"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/auth/validate/{user}/{provider}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the newest ones open and are complete */
    get: operations["validateCredentials"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/image": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Which image the VMs boot */
    get: operations["getImage"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/live": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What changes, as far as the key may see it, as server-sent events */
    get: operations["followChanges"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/login": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** A cookie for whoever has a key */
    post: operations["logIn"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/logout": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Has the browser forget that cookie */
    post: operations["logOut"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/me": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who the caller is, and what it may do */
    get: operations["getMyself"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/prompts": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Prompts, newest first, without their words */
    get: operations["listPrompts"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/prompts/execute": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Asks a user's CLI something; the answer comes as server-sent events */
    post: operations["executePrompt"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/prompts/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One prompt, and how it stands */
    get: operations["getPrompt"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/prompts/{id}/cancel": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Ends the CLI and everything that it has started */
    post: operations["cancelPrompt"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/prompts/{id}/events": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The events of a prompt, from `Last-Event-ID` on */
    get: operations["followPrompt"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/providers": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What can be signed in to */
    get: operations["listProviders"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/providers/test": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** A sign-in of which nothing is kept, of a definition or a provider */
    post: operations["testProvider"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** VMs, newest first */
    get: operations["listVms"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/statistics/summary": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** How many there are of which kind */
    get: operations["getVmStatistics"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One VM with its services and its timeline */
    get: operations["getVm"];
    put?: never;
    post?: never;
    /** Ends the VM and its session */
    delete: operations["deleteVm"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/diagnostics": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What is wrong with it */
    get: operations["diagnoseVm"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/events": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What was seen of it and of its session, in the order of time */
    get: operations["listVmEvents"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/exec": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A program: `Upgrade: anteroom-exec`, or a WebSocket */
    get: operations["openProgram"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/files": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A file, or a directory as a tar archive */
    get: operations["downloadFile"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/heartbeat": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Keeps it from its idle limit */
    post: operations["keepVm"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/hibernate": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Puts it to disk, sealed; answered when it is there */
    post: operations["hibernateVm"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/live": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One VM and its changes as server-sent events; with `log`, what that service says, too */
    get: operations["followVm"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/ports/{port}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The bytes of a port on its loopback: `Upgrade: tcp` */
    get: operations["openPort"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/programs": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Which programs run there */
    get: operations["listPrograms"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/reverse/{port}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Connections to a port of its loopback: `Upgrade: anteroom-reverse` */
    get: operations["listenOnPort"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/reverse/{port}/{number}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The bytes of one of them: `Upgrade: tcp` */
    get: operations["acceptConnection"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/services/{name}/log": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The last lines of a service */
    get: operations["getServiceLog"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/vms/{id}/wake": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Has it go on; answered when it does */
    post: operations["wakeVm"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webhook/deliveries": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What was told, or has to be, newest first */
    get: operations["listDeliveries"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webhook/test": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Sends an event that says nothing */
    post: operations["testWebhook"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/ice-servers": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** STUN and TURN servers */
    get: operations["listIceServers"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** The viewer has gone */
    delete: operations["deleteViewer"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/answer": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Its answer, or `retry` until there is one */
    get: operations["getAnswer"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/candidate": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** A candidate of the viewer */
    post: operations["sendCandidate"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/candidates/vm": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Candidates of the desktop */
    get: operations["listVmCandidates"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/ice-servers": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** STUN and TURN servers for the session's viewers */
    get: operations["listSessionIceServers"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/offer": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** A viewer's offer */
    post: operations["sendOffer"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/whep": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** The desktop for players of WHEP: an offer as application/sdp */
    post: operations["createPlayer"];
    delete?: never;
    /** What is taken there */
    options: operations["getPlayerOptions"];
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/webrtc/session/{id}/whep/{peer}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** The player has gone */
    delete: operations["deletePlayer"];
    options?: never;
    head?: never;
    /** Candidates of a player, or an ICE restart */
    patch: operations["updatePlayer"];
    trace?: never;
  };
  "/api/webrtc/stats": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Viewers, and what they are sent */
    get: operations["getViewerStatistics"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/health": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the daemon is there */
    get: operations["getHealth"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/health/ready": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether it can begin a session, and what is in the way */
    get: operations["getReadiness"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/metrics": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What is counted and measured */
    get: operations["getMetrics"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    ActingFor: {
      /** @description In whose name the call is made: what belongs to others is answered with 403. */
      "x-user-id"?: components["schemas"]["UserId"] | null;
    };
    /**
     * @description `?after=N&wait=S`: what was seen after the first N moments, at once or as soon as there is something, after S seconds
     *      at the latest.
     */
    After: {
      /**
       * Format: uint
       * @default 0
       */
      after?: number;
      /**
       * Format: uint64
       * @default 0
       */
      wait?: number;
    };
    Again: {
      /** @description A call that is made again with the same key starts nothing again. */
      "idempotency-key"?: string | null;
    };
    ApiKey: {
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      expiresAt?: string | null;
      id: components["schemas"]["ApiKeyId"];
      /** Format: date-time */
      lastUsedAt?: string | null;
      name: string;
      /** Format: date-time */
      revokedAt?: string | null;
      scopes: components["schemas"]["Scope"][];
    };
    /** @description Names a key for good: eight hexadecimal digits. It is no secret. */
    ApiKeyId: string;
    Ask: {
      /** @description Where the CLI works: absolute, or below the home directory; made when it is not there. `work` when nobody says it. */
      cwd?: string | null;
      /** @description Put there before. */
      files?: components["schemas"]["PromptFile"][];
      options?: components["schemas"]["PromptOptions"];
      /** @description Given to the CLI by standard input. */
      prompt: string;
      provider: string;
      userId: components["schemas"]["UserId"];
    };
    AuditEntries: {
      entries: components["schemas"]["AuditEntry"][];
    };
    AuditEntry: {
      actingFor?: string | null;
      action: string;
      /** Format: date-time */
      at: string;
      caller: string;
      client: string;
      detail?: string | null;
      /** Format: int64 */
      number: number;
      requestId: string;
      /** Format: uint16 */
      status: number;
      target: string;
    };
    /** @description What was known may be old. */
    Begun: Record<string, never>;
    BrokenFile: {
      path: string;
      problem: string;
    };
    Cancelled: {
      status: components["schemas"]["SessionStatus"];
      success: boolean;
    };
    /** @description That list has changed. */
    Changed: {
      of: components["schemas"]["List"];
    };
    CleanedUp: {
      /** @description VMs of which something was left. */
      removed: string[];
      success: boolean;
    };
    CredentialList: {
      credentials: components["schemas"]["Credentials"][];
    };
    Credentials: {
      /** Format: date-time */
      createdAt: string;
      /** Format: uint64 */
      generation: number;
      /** Format: date-time */
      modifiedAt: string;
      path: string;
      provider: string;
      /** Format: uuid */
      sessionId: string;
    };
    Definition: {
      /** @description The operator's own; none when it comes with Anteroom. */
      file?: string | null;
      id: string;
      lastTrial?: components["schemas"]["Trial"] | null;
      /** @description Programs that the image lacks; with one of them it is not offered. */
      missing: string[];
      name: string;
      takesPrompts: boolean;
    };
    Definitions: {
      /** @description Files that are no definitions as they are now; what they were when they were last right still counts. */
      broken: components["schemas"]["BrokenFile"][];
      providers: components["schemas"]["Definition"][];
    };
    Deliveries: {
      deliveries: components["schemas"]["Delivery"][];
    };
    Delivery: {
      /** Format: uint32 */
      attempts: number;
      /** Format: date-time */
      createdAt: string;
      event: components["schemas"]["OutboxEvent"];
      /** Format: date-time */
      finishedAt?: string | null;
      /** Format: uint64 */
      generation: number;
      id: string;
      lastAnswer?: string | null;
      /** Format: date-time */
      nextTryAt?: string | null;
      provider: string;
      /** Format: uuid */
      sessionId: string;
      status: components["schemas"]["OutboxStatus"];
    };
    /** @description A code to type into the sign-in page. */
    DeviceCode: {
      /** Format: date-time */
      expires_at: string;
      user_code: string;
    };
    /** @description It is done, and there is nothing more to say. */
    Done: {
      success: boolean;
    };
    /** @enum {string} */
    Encoding: "utf8" | "base64";
    /** @description What every refusal looks like; some say more. */
    Error: {
      /** @description A stable word for programs. */
      code: string;
      /** @description What is wrong, and what to do about it. */
      error: string;
    };
    /** @description The cause of a failure, as it is stored and shown. It never holds a secret. */
    Failure: {
      /** @description Stable and for programs, for example `kernel_panic`. */
      code: string;
      /** @description What was said last by whatever failed: lines of the console, of a service, of the VMM. */
      detail_lines?: string[];
      /** @description One sentence for people: what failed and why. */
      message: string;
    };
    /**
     * @description What may be forgotten while somebody sees it.
     * @enum {string}
     */
    Forgotten: "session" | "prompt";
    /** @description One of them is forgotten. */
    Gone: {
      /** Format: uuid */
      id: string;
      of: components["schemas"]["Forgotten"];
    };
    Health: {
      status: string;
      /** Format: date-time */
      timestamp: string;
      /**
       * Format: double
       * @description Seconds.
       */
      uptime: number;
      version: string;
    };
    /** @description One thing that the daemon cannot do without. */
    HealthCheck: {
      /** @description What is wrong. */
      cause?: string | null;
      name: string;
      ok: boolean;
    };
    History: {
      history: components["schemas"]["Moment"][];
      /** @description Whether nothing will come any more. */
      over: boolean;
    };
    HostStats: {
      /**
       * Format: uint64
       * @description Of the file system with the VMs' directories.
       */
      diskAvailableMib?: number | null;
      /** @description Runnable tasks, on average over 1, 5 and 15 minutes (proc_loadavg(5)). */
      load: number[];
      /** Format: uint64 */
      memoryAvailableMib?: number | null;
      /** Format: uint64 */
      memoryMib?: number | null;
      /** Format: uint */
      processors: number;
    };
    /** @description What stands in a path for a session or a VM. */
    Id: {
      /** Format: uuid */
      id: string;
    };
    Image: {
      backend: unknown;
      digest: string;
      layers: string[];
      profile: string;
      programs?: string[] | null;
    };
    KeyList: {
      keys: components["schemas"]["ApiKey"][];
    };
    /** @description `?known=N&wait=S`: answers as soon as there are not N events, after S seconds at the latest. */
    Known: {
      /**
       * Format: uint
       * @default 0
       */
      known?: number;
      /**
       * Format: uint64
       * @default 0
       */
      wait?: number;
    };
    LaunchWords: {
      id: string;
      title: string;
    };
    /**
     * @description What is told of as a whole.
     * @enum {string}
     */
    List: "keys" | "deliveries" | "audit";
    LiveQuery: {
      /** @description The name of a service. */
      log?: string | null;
    };
    LogIn: {
      key: string;
    };
    /** @description `?known=N&wait=S`: answers as soon as there ever were other than N lines, after S seconds at the latest. */
    LogQuery: {
      /** Format: uint64 */
      known?: number | null;
      /**
       * Format: uint64
       * @default 0
       */
      wait?: number;
    };
    MadeKey: {
      key: components["schemas"]["ApiKey"];
      /** @description What a program sends. */
      text: string;
    };
    Moment: {
      /** Format: date-time */
      at: string;
      text: string;
    };
    Myself: {
      /** @description Of the key. */
      name: string;
      /** @description What it may do; of `admin`, which may do everything, all of them. */
      scopes: components["schemas"]["Scope"][];
      /** @description Of the daemon. */
      version: string;
    };
    NewApiKey: {
      /**
       * Format: int64
       * @description In seconds; without it the key counts until it is revoked.
       */
      expiresIn?: number | null;
      name: string;
      scopes: components["schemas"]["Scope"][];
    };
    NewRotation: {
      launch?: string | null;
      provider: string;
      userId: components["schemas"]["UserId"];
    };
    NewSession: {
      /** @description One of the definition's ways to start. */
      launch?: string | null;
      provider: string;
      userId: components["schemas"]["UserId"];
      /** @description Answered as soon as there is somebody who can; `GET /api/webrtc/session/{id}/answer` tells. */
      webrtcOffer?: components["schemas"]["SessionDescription"] | null;
    };
    NewToken: {
      /**
       * Format: int64
       * @description In seconds.
       * @default 3600
       */
      expiresIn?: number;
      /** @default control */
      role?: components["schemas"]["TokenRole"];
    };
    /** @description A provider that there is, or the text of a definition. */
    NewTrial: {
      definition?: string | null;
      launch?: string | null;
      provider?: string | null;
    };
    /** @enum {string} */
    Of: "vm" | "session";
    Offered: {
      /** @default [] */
      candidates?: unknown[];
      offer: components["schemas"]["SessionDescription"];
      /**
       * @description Ours beyond the original: `viewer` only looks.
       * @default controller
       */
      role?: string | null;
    };
    OneKey: {
      key: components["schemas"]["ApiKey"];
    };
    Opened: {
      method: string;
      success: boolean;
    };
    /** @description What has happened. */
    OutboxEvent:
      ("credentials.captured" | "credentials.deleted") | "credentials.rotated" | "credentials.refreshed";
    OutboxStatus: ("pending" | "delivered") | "failed";
    Page: {
      /**
       * Format: uuid
       * @description The last one of the page before.
       */
      after?: string | null;
      /**
       * Format: uint32
       * @description At most so many.
       */
      limit?: number | null;
    };
    PageCode: {
      code: string;
    };
    PageUrl: {
      url: string;
    };
    PlainVm: {
      vm: components["schemas"]["Vm"];
    };
    Pool: {
      /**
       * Format: uint
       * @description VMs that wait for somebody.
       */
      ready: number;
    };
    Prompt: {
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      endedAt?: string | null;
      /** Format: int32 */
      exitCode?: number | null;
      failure?: components["schemas"]["Failure"] | null;
      /** Format: uuid */
      id: string;
      provider: string;
      status: components["schemas"]["PromptStatus"];
      /** @description In the CLI's own words. */
      usage?: unknown;
      userId: string;
      /** Format: uuid */
      vmId?: string | null;
    };
    /** @description One of them, as the API gives it out. Numbers begin with 1. */
    PromptEvent:
      | {
          /** Format: uuid */
          promptId: string;
          /** @constant */
          type: "connected";
        }
      | {
          status: components["schemas"]["PromptStatus"];
          /** @constant */
          type: "status";
          /** Format: uuid */
          vmId?: string | null;
        }
      | {
          /** @description In the CLI's own form, where it speaks JSON. */
          event?: unknown;
          /** @description A part of the answer. */
          text?: string | null;
          /** @constant */
          type: "chunk";
        }
      | {
          /** @description The end of what it wrote to standard error, when its exit code is not 0. */
          complaint?: string | null;
          /** Format: int32 */
          exitCode: number;
          /** @constant */
          type: "done";
          /** @description In the CLI's own words. */
          usage?: unknown;
        }
      | {
          code: string;
          detailLines: string[];
          message: string;
          /** @constant */
          type: "error";
        };
    PromptFile: {
      /** @description Text, or base64 with `encoding`. */
      contents: string;
      encoding?: components["schemas"]["Encoding"];
      /** @description Below the directory in which the CLI works, or absolute. */
      path: string;
    };
    PromptOptions: {
      /**
       * @description By the name that the CLI knows it by.
       * @default null
       */
      model?: string | null;
      /**
       * Format: uint64
       * @description The longest time that the CLI may take, in milliseconds; at most what the operator allows.
       * @default null
       */
      timeLimitMs?: number | null;
      /** @description What becomes of the prompt when nobody reads this answer any more. */
      whenLeft?: components["schemas"]["WhenLeft"];
    };
    /**
     * @description ```text
     *      queued ──▶ starting ──▶ running ──▶ done        (the CLI has ended by itself, whatever its exit code)
     *         └───────────┴───────────┴──────▶ failed, cancelled
     *      ```
     */
    PromptStatus: ("running" | "done" | "failed" | "cancelled") | "queued" | "starting";
    Prompts: {
      /**
       * Format: uuid
       * @description What to go on after.
       */
      next?: string | null;
      prompts: components["schemas"]["Prompt"][];
    };
    Provider: {
      id: string;
      /** @description The default one first. */
      launches: components["schemas"]["LaunchWords"][];
      name: string;
    };
    ProviderList: {
      providers: components["schemas"]["Provider"][];
    };
    Readiness: {
      checks: components["schemas"]["HealthCheck"][];
      /** @description `ready`, or `not_ready`. */
      status: string;
    };
    /** @description A viewer of a session; the session is in the path before it. */
    Resource: {
      peer: string;
    };
    /** @description What a key may be allowed to do. */
    Scope: "sessions" | "credentials:read" | "prompts" | "vms" | "exec" | "metrics" | "admin";
    /** @description What a service has said. */
    ServiceLog: {
      text: string;
      /** @description These are its last lines, and whatever was known may be old; otherwise it is what came since. */
      whole: boolean;
    };
    /** @description A session as callers see it. */
    Session: {
      /** @description The terminal asks for a code of the page. */
      asks_for_code?: boolean;
      /** @description Why the last attempt to sign in failed, while the session waits for another. */
      attempt_failure?: components["schemas"]["Failure"] | null;
      /** @description Of a living session: which ways text may travel between the clipboards of desktop and person. */
      clipboard?: {
        [key: string]: boolean;
      } | null;
      /** Format: date-time */
      completed_at?: string | null;
      /** Format: date-time */
      created_at: string;
      device?: components["schemas"]["DeviceCode"] | null;
      /** @description The failure's message alone, as the original had it. */
      error?: string | null;
      failure?: components["schemas"]["Failure"] | null;
      /** @description Of a living session: how the CLI was started. */
      launch?: string | null;
      novnc_url?: string | null;
      /** @description How the person comes back from the sign-in page. */
      oauth_kind?: string | null;
      oauth_url?: string | null;
      provider: string;
      /**
       * Format: uint64
       * @description Of a living session: to be asked for news with.
       */
      revision?: number | null;
      /** Format: uuid */
      session_id: string;
      /**
       * Format: uint
       * @description While the VM waits to be launched: how many launches come before it.
       */
      starts_ahead?: number | null;
      status: components["schemas"]["SessionStatus"];
      user_id: string;
      /** Format: uuid */
      vm_id?: string | null;
      vm_ip?: string | null;
      /** @description Of a living session: where its VM stands, as `phase` of the VM. */
      vm_status?: components["schemas"]["VmStatus"] | null;
    };
    /** @description `RTCSessionDescription` */
    SessionDescription: {
      sdp: string;
      type: string;
    };
    SessionList: {
      /**
       * Format: uuid
       * @description What to go on after.
       */
      next?: string | null;
      sessions: components["schemas"]["Session"][];
    };
    /**
     * @description The words of the API, in the order in which a session passes through them; the diagram is in [`crate::session`].
     * @enum {string}
     */
    SessionStatus:
      | "initializing"
      | "vm_created"
      | "ready"
      | "awaiting_user_auth"
      | "completed"
      | "failed"
      | "timeout"
      | "cancelled";
    Setting: {
      key: string;
      meaning: string;
      /** @description Whether it can change while the daemon runs. */
      reloadable: boolean;
      /** @description Where the value was found. */
      source: string;
      value: string;
    };
    Settings: {
      settings: components["schemas"]["Setting"][];
    };
    ShownPrompt: {
      prompt: components["schemas"]["Prompt"];
    };
    ShownSession: {
      session: components["schemas"]["Session"];
    };
    ShownVm: {
      vm: components["schemas"]["VmDetails"];
    };
    SignedOut: {
      success: boolean;
      /** @description Whether there were any credentials. */
      wereAny: boolean;
    };
    Snapshot: {
      /**
       * Format: uint64
       * @description From the request of its VM to the last digest, in milliseconds.
       */
      buildMs: number;
      /** @description What it fits: VMM, processor, image, shape. */
      conditions: unknown;
      key: string;
      /** Format: date-time */
      madeAt: string;
      /** @description Of the image. */
      profile: string;
      /**
       * Format: uint64
       * @description On the disk.
       */
      storedBytes: number;
    };
    Snapshots: {
      pool: components["schemas"]["Pool"];
      /** @description Why the others cannot be read. */
      problems: string[];
      /** @description Newest first. */
      snapshots: components["schemas"]["Snapshot"][];
      /** @description Whether VMs begin with them. */
      used: boolean;
    };
    Started: {
      browserIP?: string | null;
      novncURL: string;
      provider: string;
      /** Format: uuid */
      sessionId: string;
      success: boolean;
    };
    Stats: {
      host: components["schemas"]["HostStats"];
      /** Format: uint */
      launchesWaiting: number;
      /** Format: uint */
      launching: number;
      /**
       * Format: uint
       * @description VMs that are ready and wait for somebody.
       */
      poolReady: number;
      /** @description Those that live, by status. */
      sessions: {
        [key: string]: number;
      };
      /**
       * Format: double
       * @description Seconds.
       */
      uptime: number;
      /**
       * Format: uint
       * @description Over WebRTC.
       */
      viewers: number;
      /** Format: uint32 */
      vmLimit: number;
      /** @description Those that live, by status. */
      vms: {
        [key: string]: number;
      };
    };
    SystemStats: {
      stats: components["schemas"]["Stats"];
      success: boolean;
    };
    Token: {
      /** Format: date-time */
      expiresAt: string;
      /** @description The desktop, opened by the token. */
      novncURL: string;
      role: components["schemas"]["TokenRole"];
      token: string;
    };
    /** @description What the holder of a token does with its session. */
    TokenRole: "control" | "view";
    /** @description A sign-in of which nothing is kept. */
    Trial: {
      /** Format: date-time */
      beganAt: string;
      failure?: components["schemas"]["Failure"] | null;
      /** Format: uuid */
      sessionId: string;
      status: components["schemas"]["SessionStatus"];
    };
    /** @description `RTCIceCandidate`, as its `toJSON` makes it; some pages wrap it once more. */
    Trickled: {
      candidate: unknown;
    };
    /** @description What stands in a path for a user. */
    User: {
      user: components["schemas"]["UserId"];
    };
    /** @description Names a person to the application that uses Anteroom; Anteroom only compares it. */
    UserId: string;
    /** @description A VM as callers see it. */
    Vm: {
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      ended_at?: string | null;
      error?: string | null;
      failure?: components["schemas"]["Failure"] | null;
      /** Format: uuid */
      id: string;
      image_digest: string;
      /** Format: uint32 */
      memory_mib: number;
      /** @description What exactly it is doing; `status` has only the words that older callers know. */
      phase: components["schemas"]["VmStatus"];
      /** Format: uuid */
      session_id?: string | null;
      status: string;
      type: components["schemas"]["VmKind"];
      /** @description Whose own it is, of a VM without a desktop. */
      user_id?: string | null;
      /** Format: uint8 */
      vcpus: number;
    };
    /** @description A VM as callers see it. */
    VmDetails: {
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      ended_at?: string | null;
      error?: string | null;
      failure?: components["schemas"]["Failure"] | null;
      /** Format: uuid */
      id: string;
      image_digest: string;
      /** Format: uint32 */
      memory_mib: number;
      /** @description Why no VM was ready for whoever came for it, where something was short. */
      none_ready?: string | null;
      /** @description What it began with, and why; of a VM that lives, and was not taken over. */
      origin?: unknown;
      /** @description What exactly it is doing; `status` has only the words that older callers know. */
      phase: components["schemas"]["VmStatus"];
      services: unknown;
      /** Format: uuid */
      session_id?: string | null;
      /**
       * Format: uint
       * @description While it waits to be launched: how many launches come before it.
       */
      starts_ahead?: number | null;
      status: string;
      /** @description When what happened, in milliseconds since the request. */
      timeline: unknown;
      type: components["schemas"]["VmKind"];
      /** @description Whose own it is, of a VM without a desktop. */
      user_id?: string | null;
      /** Format: uint8 */
      vcpus: number;
    };
    VmEvent: {
      /** Format: date-time */
      at: string;
      of: components["schemas"]["Of"];
      /** @description The name of a mark, or words. */
      text: string;
    };
    /**
     * @description All events that are known by now, however many the caller knows: a daemon that has taken a VM over has learnt them anew,
     *      and has others.
     */
    VmEvents: {
      events: components["schemas"]["VmEvent"][];
      /** @description There will be no more. */
      over: boolean;
    };
    VmKind: "browser" | "cli";
    VmList: {
      /**
       * Format: uuid
       * @description What to go on after.
       */
      next?: string | null;
      vms: components["schemas"]["Vm"][];
    };
    /** @description What the guest's own HTTP endpoint is reached with. */
    VmOfSession: {
      agentToken?: string | null;
      status: string;
      vmIP?: string | null;
      /** Format: uuid */
      vmId?: string | null;
    };
    /** @description The life of a VM; the diagram is in [`crate::vm`]. */
    VmStatus:
      | "stopping"
      | "creating"
      | "booting"
      | "running"
      | "ready"
      | "hibernating"
      | "hibernated"
      | "waking"
      | "destroyed"
      | "failed";
    /**
     * @description `?after=N&limit=M&wait=S`: entries with higher numbers, as soon as there are some, after S seconds at the latest; without
     *      `after` the newest.
     */
    Wanted: {
      /** Format: int64 */
      after?: number | null;
      /** Format: uint32 */
      limit?: number | null;
      /**
       * Format: uint64
       * @description In seconds.
       * @default 0
       */
      wait?: number;
    };
    WantedFile: {
      /**
       * @description Only what it is: whoever opens a download otherwise learns of a mistake in no words at all.
       * @default false
       */
      about?: boolean;
      path: string;
      /** @description Who reads it: the desktop's user when nobody is named. */
      user?: string | null;
    };
    /**
     * @description `GET /api/auth/session/{id}?status=ready&wait=20` answers when the status is another, or after 20 seconds; with
     *      `revision=3` in place of the status when anything is another than it was in that revision.
     */
    Watch: {
      /** Format: uint64 */
      revision?: number | null;
      status?: components["schemas"]["SessionStatus"] | null;
      /**
       * Format: uint64
       * @description In seconds.
       */
      wait?: number | null;
    };
    /** @description What came of a trial. */
    WebhookTrial: {
      answer: string;
      body: string;
      id: string;
      /**
       * Format: uint16
       * @description Of HTTP, when there was an answer.
       */
      status?: number | null;
      success: boolean;
    };
    WhenLeft: "cancel" | "continue";
    /** @description Of which viewer; the page's when it is not said. */
    Which: {
      peer?: string | null;
      /**
       * Format: int64
       * @description Milliseconds since 1970.
       */
      since?: number | null;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  listAudit: {
    parameters: {
      query?: {
        after?: number | null;
        limit?: number | null;
        /** @description In seconds. */
        wait?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["AuditEntries"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  cleanUp: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CleanedUp"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getSystemHealth: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Readiness"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listKeys: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["KeyList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  createKey: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewApiKey"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["MadeKey"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deleteKey: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["OneKey"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listDefinitions: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Definitions"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listSettings: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Settings"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listSnapshots: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Snapshots"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getSystemStatistics: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["SystemStats"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getConsole: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/plain; charset=utf-8": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listCredentials: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        user: components["schemas"]["UserId"];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CredentialList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deleteCredentials: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        user: string;
        provider: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["SignedOut"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getAuthHealth: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Health"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  rotateCredentials: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
        /** @description A call that is made again with the same key starts nothing again. */
        "idempotency-key"?: string | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewRotation"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Started"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getSession: {
    parameters: {
      query?: {
        revision?: number | null;
        status?: components["schemas"]["SessionStatus"] | null;
        /** @description In seconds. */
        wait?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ShownSession"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deleteSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  sendCallback: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["PageUrl"];
      };
    };
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  cancelSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Cancelled"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  sendCode: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["PageCode"];
      };
    };
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getCredentials: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  followSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": unknown;
        };
      };
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  keepSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getHistory: {
    parameters: {
      query?: {
        after?: number;
        wait?: number;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["History"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getSignInUrl: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  openUrl: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["PageUrl"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Opened"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  retrySignIn: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  createToken: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewToken"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Token"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getVmOfSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What the guest's own HTTP endpoint is reached with. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["VmOfSession"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  openDesktop: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Switching Protocols */
      101: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listSessions: {
    parameters: {
      query?: {
        /** @description The last one of the page before. */
        after?: string | null;
        /** @description At most so many. */
        limit?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["SessionList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listSessionsOfUser: {
    parameters: {
      query?: {
        /** @description The last one of the page before. */
        after?: string | null;
        /** @description At most so many. */
        limit?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        user: components["schemas"]["UserId"];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["SessionList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  startSession: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
        /** @description A call that is made again with the same key starts nothing again. */
        "idempotency-key"?: string | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewSession"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Started"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  validateCredentials: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        user: string;
        provider: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getImage: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Image"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  followChanges: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  logIn: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["LogIn"];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  logOut: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getMyself: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Myself"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listPrompts: {
    parameters: {
      query?: {
        /** @description The last one of the page before. */
        after?: string | null;
        /** @description At most so many. */
        limit?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Prompts"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  executePrompt: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Ask"];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getPrompt: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ShownPrompt"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  cancelPrompt: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  followPrompt: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": unknown;
        };
      };
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listProviders: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProviderList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  testProvider: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    /** @description A provider that there is, or the text of a definition. */
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewTrial"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Started"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listVms: {
    parameters: {
      query?: {
        /** @description The last one of the page before. */
        after?: string | null;
        /** @description At most so many. */
        limit?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["VmList"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getVmStatistics: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ShownVm"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deleteVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  diagnoseVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listVmEvents: {
    parameters: {
      query?: {
        known?: number;
        wait?: number;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /**
       * @description All events that are known by now, however many the caller knows: a daemon that has taken a VM over has learnt them anew,
       *      and has others.
       */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["VmEvents"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  openProgram: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Switching Protocols */
      101: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  downloadFile: {
    parameters: {
      query: {
        /** @description Only what it is: whoever opens a download otherwise learns of a mistake in no words at all. */
        about?: boolean;
        path: string;
        /** @description Who reads it: the desktop's user when nobody is named. */
        user?: string | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/octet-stream": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  keepVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  hibernateVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["PlainVm"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  followVm: {
    parameters: {
      query?: {
        /** @description The name of a service. */
        log?: string | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": unknown;
        };
      };
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  openPort: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        port: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Switching Protocols */
      101: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listPrograms: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listenOnPort: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        port: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Switching Protocols */
      101: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  acceptConnection: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        port: string;
        number: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Switching Protocols */
      101: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getServiceLog: {
    parameters: {
      query?: {
        known?: number | null;
        wait?: number;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/plain; charset=utf-8": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  wakeVm: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["PlainVm"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listDeliveries: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Deliveries"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  testWebhook: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What came of a trial. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["WebhookTrial"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listIceServers: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deleteViewer: {
    parameters: {
      query?: {
        peer?: string | null;
        /** @description Milliseconds since 1970. */
        since?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getAnswer: {
    parameters: {
      query?: {
        peer?: string | null;
        /** @description Milliseconds since 1970. */
        since?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  sendCandidate: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    /** @description `RTCIceCandidate`, as its `toJSON` makes it; some pages wrap it once more. */
    requestBody: {
      content: {
        "application/json": components["schemas"]["Trickled"];
      };
    };
    responses: {
      /** @description It is done, and there is nothing more to say. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Done"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listVmCandidates: {
    parameters: {
      query?: {
        peer?: string | null;
        /** @description Milliseconds since 1970. */
        since?: number | null;
      };
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  listSessionIceServers: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  sendOffer: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Offered"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  createPlayer: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "text/plain; charset=utf-8": unknown;
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/sdp": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getPlayerOptions: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  deletePlayer: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        peer: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  updatePlayer: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path: {
        id: string;
        peer: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "text/plain; charset=utf-8": unknown;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/trickle-ice-sdpfrag": unknown;
        };
      };
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getViewerStatistics: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getHealth: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Health"];
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getReadiness: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description Service Unavailable */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
  getMetrics: {
    parameters: {
      query?: never;
      header?: {
        /** @description In whose name the call is made: what belongs to others is answered with 403. */
        "x-user-id"?: components["schemas"]["UserId"] | null;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/plain; version=0.0.4; charset=utf-8": unknown;
        };
      };
      /** @description It was refused, or failed. */
      default: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Error"];
        };
      };
    };
  };
}
