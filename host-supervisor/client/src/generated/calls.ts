// Made by generate.mjs out of openapi.json. Changes here are lost.

import type { Call, Follow, StreamEvent } from "../types.ts";
import type { components } from "./schema.ts";

/** A method for each call. */
export interface Calls {
  /**
   * Who did what.
   *
   * `GET /api/admin/audit`; needs a key with admin.
   */
  listAudit: Call<"listAudit">;
  /**
   * Removes what VMs have left that are gone.
   *
   * `POST /api/admin/cleanup/orphaned-resources`; needs a key with admin.
   */
  cleanUp: Call<"cleanUp">;
  /**
   * What is wrong with the whole.
   *
   * `GET /api/admin/health/system`; needs a key with admin.
   */
  getSystemHealth: Call<"getSystemHealth">;
  /**
   * Keys of the API, oldest first.
   *
   * `GET /api/admin/keys`; needs a key with admin.
   */
  listKeys: Call<"listKeys">;
  /**
   * Another key; its text is told here and never again.
   *
   * `POST /api/admin/keys`; needs a key with admin.
   */
  createKey: Call<"createKey">;
  /**
   * Ends a key.
   *
   * `DELETE /api/admin/keys/{id}`; needs a key with admin.
   */
  deleteKey: Call<"deleteKey">;
  /**
   * Every definition, offered or not, and what is wrong with files.
   *
   * `GET /api/admin/providers`; needs a key with admin.
   */
  listDefinitions: Call<"listDefinitions">;
  /**
   * Which settings count, and where they come from.
   *
   * `GET /api/admin/settings`; needs a key with admin.
   */
  listSettings: Call<"listSettings">;
  /**
   * What VMs begin with, and how many are ready.
   *
   * `GET /api/admin/snapshots`; needs a key with admin.
   */
  listSnapshots: Call<"listSnapshots">;
  /**
   * What runs, and what the host has left.
   *
   * `GET /api/admin/system/stats`; needs a key with admin.
   */
  getSystemStatistics: Call<"getSystemStatistics">;
  /**
   * The log of its serial console.
   *
   * `GET /api/admin/vm/{id}/console`; needs a key with vms.
   */
  getConsole: Call<"getConsole", string>;
  /**
   * Which credentials there are, without their contents.
   *
   * `GET /api/auth/credentials/{user}`; needs a key with sessions.
   */
  listCredentials: Call<"listCredentials">;
  /**
   * Forgets them, and takes them out of the user's VM.
   *
   * `DELETE /api/auth/credentials/{user}/{provider}`; needs a key with sessions.
   */
  deleteCredentials: Call<"deleteCredentials">;
  /**
   * The same, at the address of old.
   *
   * `GET /api/auth/health`; needs no key.
   */
  getAuthHealth: Call<"getAuthHealth">;
  /**
   * Starts one whose credentials replace the older ones.
   *
   * `POST /api/auth/rotate`; needs a key with sessions.
   */
  rotateCredentials: Call<"rotateCredentials">;
  /**
   * One session, at once or when something about it changes.
   *
   * `GET /api/auth/session/{id}`; needs a key with sessions, or the session's token.
   */
  getSession: Call<"getSession">;
  /**
   * Ends the session, forgets it and its credentials.
   *
   * `DELETE /api/auth/session/{id}`; needs a key with sessions.
   */
  deleteSession: Call<"deleteSession">;
  /**
   * Hands the last address of a browser outside to the CLI.
   *
   * `POST /api/auth/session/{id}/callback`; needs a key with sessions, or the session's token.
   */
  sendCallback: Call<"sendCallback">;
  /**
   * Ends the session and its VM.
   *
   * `POST /api/auth/session/{id}/cancel`; needs a key with sessions.
   */
  cancelSession: Call<"cancelSession">;
  /**
   * Types a code of the sign-in page into the terminal.
   *
   * `POST /api/auth/session/{id}/code`; needs a key with sessions, or the session's token.
   */
  sendCode: Call<"sendCode">;
  /**
   * Whether there are credentials, and at the end the credentials.
   *
   * `GET /api/auth/session/{id}/credentials/status`; needs a key with credentials:read.
   */
  getCredentials: Call<"getCredentials">;
  /**
   * The session and its changes as server-sent events.
   *
   * `GET /api/auth/session/{id}/events`; needs a key with sessions, or the session's token.
   */
  followSession: Follow<
    "followSession",
    | StreamEvent<"moment", components["schemas"]["Moment"]>
    | StreamEvent<"session", components["schemas"]["ShownSession"]>
  >;
  /**
   * Keeps the session from its idle limit.
   *
   * `POST /api/auth/session/{id}/heartbeat`; needs a key with sessions, or the session's token.
   */
  keepSession: Call<"keepSession">;
  /**
   * What was seen of it, in words.
   *
   * `GET /api/auth/session/{id}/history`; needs a key with sessions.
   */
  getHistory: Call<"getHistory">;
  /**
   * The sign-in page, or 202 until it is known.
   *
   * `GET /api/auth/session/{id}/oauth-url`; needs a key with sessions, or the session's token.
   */
  getSignInUrl: Call<"getSignInUrl">;
  /**
   * Opens an address in the VM's browser.
   *
   * `POST /api/auth/session/{id}/open-url`; needs a key with sessions, or the session's token.
   */
  openUrl: Call<"openUrl">;
  /**
   * Another attempt after a failed one, in the same VM.
   *
   * `POST /api/auth/session/{id}/retry`; needs a key with sessions, or the session's token.
   */
  retrySignIn: Call<"retrySignIn">;
  /**
   * A token that opens this session for a while.
   *
   * `POST /api/auth/session/{id}/token`; needs a key with sessions.
   */
  createToken: Call<"createToken">;
  /**
   * Its VM; 410 when that is gone.
   *
   * `GET /api/auth/session/{id}/vm`; needs a key with sessions.
   */
  getVmOfSession: Call<"getVmOfSession">;
  /**
   * Everybody's sessions, newest first.
   *
   * `GET /api/auth/sessions`; needs a key with sessions.
   */
  listSessions: Call<"listSessions">;
  /**
   * One user's sessions, newest first.
   *
   * `GET /api/auth/sessions/{user}`; needs a key with sessions.
   */
  listSessionsOfUser: Call<"listSessionsOfUser">;
  /**
   * Starts a sign-in, and a VM for it.
   *
   * `POST /api/auth/start`; needs a key with sessions.
   */
  startSession: Call<"startSession">;
  /**
   * Whether the newest ones open and are complete.
   *
   * `GET /api/auth/validate/{user}/{provider}`; needs a key with sessions.
   */
  validateCredentials: Call<"validateCredentials">;
  /**
   * Which image the VMs boot.
   *
   * `GET /api/image`; needs a key with admin.
   */
  getImage: Call<"getImage">;
  /**
   * What changes, as far as the key may see it, as server-sent events.
   *
   * `GET /api/live`; needs a key.
   */
  followChanges: Follow<
    "followChanges",
    | StreamEvent<"begin", components["schemas"]["Begun"]>
    | StreamEvent<"changed", components["schemas"]["Changed"]>
    | StreamEvent<"gone", components["schemas"]["Gone"]>
    | StreamEvent<"prompt", components["schemas"]["Prompt"]>
    | StreamEvent<"session", components["schemas"]["Session"]>
    | StreamEvent<"stats", components["schemas"]["Stats"]>
    | StreamEvent<"vm", components["schemas"]["Vm"]>
  >;
  /**
   * A cookie for whoever has a key.
   *
   * `POST /api/login`; needs no key.
   */
  logIn: Call<"logIn">;
  /**
   * Has the browser forget that cookie.
   *
   * `POST /api/logout`; needs no key.
   */
  logOut: Call<"logOut">;
  /**
   * Who the caller is, and what it may do.
   *
   * `GET /api/me`; needs a key.
   */
  getMyself: Call<"getMyself">;
  /**
   * Prompts, newest first, without their words.
   *
   * `GET /api/prompts`; needs a key with prompts.
   */
  listPrompts: Call<"listPrompts">;
  /**
   * Asks a user's CLI something; the answer comes as server-sent events.
   *
   * `POST /api/prompts/execute`; needs a key with prompts.
   */
  executePrompt: Follow<"executePrompt", StreamEvent<"message", components["schemas"]["PromptEvent"]>>;
  /**
   * One prompt, and how it stands.
   *
   * `GET /api/prompts/{id}`; needs a key with prompts.
   */
  getPrompt: Call<"getPrompt">;
  /**
   * Ends the CLI and everything that it has started.
   *
   * `POST /api/prompts/{id}/cancel`; needs a key with prompts.
   */
  cancelPrompt: Call<"cancelPrompt">;
  /**
   * The events of a prompt, from `Last-Event-ID` on.
   *
   * `GET /api/prompts/{id}/events`; needs a key with prompts.
   */
  followPrompt: Follow<"followPrompt", StreamEvent<"message", components["schemas"]["PromptEvent"]>>;
  /**
   * What can be signed in to.
   *
   * `GET /api/providers`; needs a key with sessions.
   */
  listProviders: Call<"listProviders">;
  /**
   * A sign-in of which nothing is kept, of a definition or a provider.
   *
   * `POST /api/providers/test`; needs a key with admin.
   */
  testProvider: Call<"testProvider">;
  /**
   * VMs, newest first.
   *
   * `GET /api/vms`; needs a key with vms.
   */
  listVms: Call<"listVms">;
  /**
   * How many there are of which kind.
   *
   * `GET /api/vms/statistics/summary`; needs a key with vms.
   */
  getVmStatistics: Call<"getVmStatistics">;
  /**
   * One VM with its services and its timeline.
   *
   * `GET /api/vms/{id}`; needs a key with vms.
   */
  getVm: Call<"getVm">;
  /**
   * Ends the VM and its session.
   *
   * `DELETE /api/vms/{id}`; needs a key with vms.
   */
  deleteVm: Call<"deleteVm">;
  /**
   * What is wrong with it.
   *
   * `GET /api/vms/{id}/diagnostics`; needs a key with vms.
   */
  diagnoseVm: Call<"diagnoseVm">;
  /**
   * What was seen of it and of its session, in the order of time.
   *
   * `GET /api/vms/{id}/events`; needs a key with vms.
   */
  listVmEvents: Call<"listVmEvents">;
  /**
   * A file, or a directory as a tar archive.
   *
   * `GET /api/vms/{id}/files`; needs a key with exec.
   */
  downloadFile: Call<"downloadFile", Response>;
  /**
   * Keeps it from its idle limit.
   *
   * `POST /api/vms/{id}/heartbeat`; needs a key with vms.
   */
  keepVm: Call<"keepVm">;
  /**
   * Puts it to disk, sealed; answered when it is there.
   *
   * `POST /api/vms/{id}/hibernate`; needs a key with vms.
   */
  hibernateVm: Call<"hibernateVm">;
  /**
   * One VM and its changes as server-sent events; with `log`, what that service says, too.
   *
   * `GET /api/vms/{id}/live`; needs a key with vms.
   */
  followVm: Follow<
    "followVm",
    | StreamEvent<"log", components["schemas"]["ServiceLog"]>
    | StreamEvent<"vm", components["schemas"]["ShownVm"]>
  >;
  /**
   * Which programs run there.
   *
   * `GET /api/vms/{id}/programs`; needs a key with exec.
   */
  listPrograms: Call<"listPrograms">;
  /**
   * The last lines of a service.
   *
   * `GET /api/vms/{id}/services/{name}/log`; needs a key with vms.
   */
  getServiceLog: Call<"getServiceLog", string>;
  /**
   * Has it go on; answered when it does.
   *
   * `POST /api/vms/{id}/wake`; needs a key with vms.
   */
  wakeVm: Call<"wakeVm">;
  /**
   * What was told, or has to be, newest first.
   *
   * `GET /api/webhook/deliveries`; needs a key with admin.
   */
  listDeliveries: Call<"listDeliveries">;
  /**
   * Sends an event that says nothing.
   *
   * `POST /api/webhook/test`; needs a key with admin.
   */
  testWebhook: Call<"testWebhook">;
  /**
   * STUN and TURN servers.
   *
   * `GET /api/webrtc/ice-servers`; needs a key with sessions.
   */
  listIceServers: Call<"listIceServers">;
  /**
   * The viewer has gone.
   *
   * `DELETE /api/webrtc/session/{id}`; needs a key with sessions, or the session's token.
   */
  deleteViewer: Call<"deleteViewer">;
  /**
   * Its answer, or `retry` until there is one.
   *
   * `GET /api/webrtc/session/{id}/answer`; needs a key with sessions, or the session's token.
   */
  getAnswer: Call<"getAnswer">;
  /**
   * A candidate of the viewer.
   *
   * `POST /api/webrtc/session/{id}/candidate`; needs a key with sessions, or the session's token.
   */
  sendCandidate: Call<"sendCandidate">;
  /**
   * Candidates of the desktop.
   *
   * `GET /api/webrtc/session/{id}/candidates/vm`; needs a key with sessions, or the session's token.
   */
  listVmCandidates: Call<"listVmCandidates">;
  /**
   * STUN and TURN servers for the session's viewers.
   *
   * `GET /api/webrtc/session/{id}/ice-servers`; needs a key with sessions, or the session's token.
   */
  listSessionIceServers: Call<"listSessionIceServers">;
  /**
   * A viewer's offer.
   *
   * `POST /api/webrtc/session/{id}/offer`; needs a key with sessions, or the session's token.
   */
  sendOffer: Call<"sendOffer">;
  /**
   * What is taken there.
   *
   * `OPTIONS /api/webrtc/session/{id}/whep`; needs a key with sessions, or the session's token.
   */
  getPlayerOptions: Call<"getPlayerOptions">;
  /**
   * The player has gone.
   *
   * `DELETE /api/webrtc/session/{id}/whep/{peer}`; needs a key with sessions, or the session's token.
   */
  deletePlayer: Call<"deletePlayer">;
  /**
   * Viewers, and what they are sent.
   *
   * `GET /api/webrtc/stats`; needs a key with admin.
   */
  getViewerStatistics: Call<"getViewerStatistics">;
  /**
   * Whether the daemon is there.
   *
   * `GET /health`; needs no key.
   */
  getHealth: Call<"getHealth">;
  /**
   * Whether it can begin a session, and what is in the way.
   *
   * `GET /health/ready`; needs no key.
   */
  getReadiness: Call<"getReadiness">;
  /**
   * What is counted and measured.
   *
   * `GET /metrics`; needs a key with metrics.
   */
  getMetrics: Call<"getMetrics", string>;
}

/** Of each: method, path, how the answer is read, and whether what it takes stands in a body. */
export const CALLS = {
  listAudit: ["GET", "/api/admin/audit", "json"],
  cleanUp: ["POST", "/api/admin/cleanup/orphaned-resources", "json"],
  getSystemHealth: ["GET", "/api/admin/health/system", "json"],
  listKeys: ["GET", "/api/admin/keys", "json"],
  createKey: ["POST", "/api/admin/keys", "json", true],
  deleteKey: ["DELETE", "/api/admin/keys/{id}", "json"],
  listDefinitions: ["GET", "/api/admin/providers", "json"],
  listSettings: ["GET", "/api/admin/settings", "json"],
  listSnapshots: ["GET", "/api/admin/snapshots", "json"],
  getSystemStatistics: ["GET", "/api/admin/system/stats", "json"],
  getConsole: ["GET", "/api/admin/vm/{id}/console", "text"],
  listCredentials: ["GET", "/api/auth/credentials/{user}", "json"],
  deleteCredentials: ["DELETE", "/api/auth/credentials/{user}/{provider}", "json"],
  getAuthHealth: ["GET", "/api/auth/health", "json"],
  rotateCredentials: ["POST", "/api/auth/rotate", "json", true],
  getSession: ["GET", "/api/auth/session/{id}", "json"],
  deleteSession: ["DELETE", "/api/auth/session/{id}", "json"],
  sendCallback: ["POST", "/api/auth/session/{id}/callback", "json", true],
  cancelSession: ["POST", "/api/auth/session/{id}/cancel", "json"],
  sendCode: ["POST", "/api/auth/session/{id}/code", "json", true],
  getCredentials: ["GET", "/api/auth/session/{id}/credentials/status", "json"],
  followSession: ["GET", "/api/auth/session/{id}/events", "events"],
  keepSession: ["POST", "/api/auth/session/{id}/heartbeat", "json"],
  getHistory: ["GET", "/api/auth/session/{id}/history", "json"],
  getSignInUrl: ["GET", "/api/auth/session/{id}/oauth-url", "json"],
  openUrl: ["POST", "/api/auth/session/{id}/open-url", "json", true],
  retrySignIn: ["POST", "/api/auth/session/{id}/retry", "json"],
  createToken: ["POST", "/api/auth/session/{id}/token", "json", true],
  getVmOfSession: ["GET", "/api/auth/session/{id}/vm", "json"],
  openDesktop: ["GET", "/api/auth/session/{id}/vnc", "upgrade"],
  listSessions: ["GET", "/api/auth/sessions", "json"],
  listSessionsOfUser: ["GET", "/api/auth/sessions/{user}", "json"],
  startSession: ["POST", "/api/auth/start", "json", true],
  validateCredentials: ["GET", "/api/auth/validate/{user}/{provider}", "json"],
  getImage: ["GET", "/api/image", "json"],
  followChanges: ["GET", "/api/live", "events"],
  logIn: ["POST", "/api/login", "json", true],
  logOut: ["POST", "/api/logout", "json"],
  getMyself: ["GET", "/api/me", "json"],
  listPrompts: ["GET", "/api/prompts", "json"],
  executePrompt: ["POST", "/api/prompts/execute", "events", true],
  getPrompt: ["GET", "/api/prompts/{id}", "json"],
  cancelPrompt: ["POST", "/api/prompts/{id}/cancel", "json"],
  followPrompt: ["GET", "/api/prompts/{id}/events", "events"],
  listProviders: ["GET", "/api/providers", "json"],
  testProvider: ["POST", "/api/providers/test", "json", true],
  listVms: ["GET", "/api/vms", "json"],
  getVmStatistics: ["GET", "/api/vms/statistics/summary", "json"],
  getVm: ["GET", "/api/vms/{id}", "json"],
  deleteVm: ["DELETE", "/api/vms/{id}", "json"],
  diagnoseVm: ["GET", "/api/vms/{id}/diagnostics", "json"],
  listVmEvents: ["GET", "/api/vms/{id}/events", "json"],
  openProgram: ["GET", "/api/vms/{id}/exec", "upgrade"],
  downloadFile: ["GET", "/api/vms/{id}/files", "response"],
  keepVm: ["POST", "/api/vms/{id}/heartbeat", "json"],
  hibernateVm: ["POST", "/api/vms/{id}/hibernate", "json"],
  followVm: ["GET", "/api/vms/{id}/live", "events"],
  openPort: ["GET", "/api/vms/{id}/ports/{port}", "upgrade"],
  listPrograms: ["GET", "/api/vms/{id}/programs", "json"],
  listenOnPort: ["GET", "/api/vms/{id}/reverse/{port}", "upgrade"],
  acceptConnection: ["GET", "/api/vms/{id}/reverse/{port}/{number}", "upgrade"],
  getServiceLog: ["GET", "/api/vms/{id}/services/{name}/log", "text"],
  wakeVm: ["POST", "/api/vms/{id}/wake", "json"],
  listDeliveries: ["GET", "/api/webhook/deliveries", "json"],
  testWebhook: ["POST", "/api/webhook/test", "json"],
  listIceServers: ["GET", "/api/webrtc/ice-servers", "json"],
  deleteViewer: ["DELETE", "/api/webrtc/session/{id}", "json"],
  getAnswer: ["GET", "/api/webrtc/session/{id}/answer", "json"],
  sendCandidate: ["POST", "/api/webrtc/session/{id}/candidate", "json", true],
  listVmCandidates: ["GET", "/api/webrtc/session/{id}/candidates/vm", "json"],
  listSessionIceServers: ["GET", "/api/webrtc/session/{id}/ice-servers", "json"],
  sendOffer: ["POST", "/api/webrtc/session/{id}/offer", "json", true],
  getPlayerOptions: ["OPTIONS", "/api/webrtc/session/{id}/whep", "json"],
  deletePlayer: ["DELETE", "/api/webrtc/session/{id}/whep/{peer}", "json"],
  getViewerStatistics: ["GET", "/api/webrtc/stats", "json"],
  getHealth: ["GET", "/health", "json"],
  getReadiness: ["GET", "/health/ready", "json"],
  getMetrics: ["GET", "/metrics", "text"],
} as const;
