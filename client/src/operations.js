// Generated from the API's description by `npm run generate`.

/** Method and path of each call, and what else the client has to know. */
export const operations = /** @type {const} */ ({
  getRoot: {"method": "GET", "path": "/"},
  getHealth: {"method": "GET", "path": "/health"},
  getReadiness: {"method": "GET", "path": "/health/ready"},
  getDescription: {"method": "GET", "path": "/openapi.json"},
  listProviders: {"method": "GET", "path": "/auth/providers"},
  getSession: {"method": "GET", "path": "/auth/session"},
  register: {"method": "POST", "path": "/auth/register", "body": true, "creates": true},
  signOut: {"method": "POST", "path": "/auth/logout", "query": ["provider"]},
  listIdentities: {"method": "GET", "path": "/auth/identities"},
  linkIdentity: {"method": "POST", "path": "/auth/identities", "body": true},
  removeIdentity: {"method": "DELETE", "path": "/auth/identities/{identity_id}"},
  listSessions: {"method": "GET", "path": "/auth/sessions"},
  endSession: {"method": "DELETE", "path": "/auth/sessions/{session_id}"},
  endOtherSessions: {"method": "POST", "path": "/auth/sessions/revoke-others"},
  getUser: {"method": "GET", "path": "/auth/user"},
  changeUser: {"method": "PATCH", "path": "/auth/user", "body": true},
  deleteUser: {"method": "DELETE", "path": "/auth/user"},
  listTokens: {"method": "GET", "path": "/auth/tokens"},
  createToken: {"method": "POST", "path": "/auth/tokens", "body": true, "creates": true},
  deleteToken: {"method": "DELETE", "path": "/auth/tokens/{token_id}"},
  issueAccessToken: {"method": "POST", "path": "/auth/token", "body": true},
  getKeySet: {"method": "GET", "path": "/.well-known/jwks.json"},
  getAuthorizationServer: {"method": "GET", "path": "/.well-known/oauth-authorization-server"},
});
