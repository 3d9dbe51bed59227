// npm's oauth2-mock-server, which lets everybody in unasked. Its userinfo has an address only if it is told one.
//
// node oauth2_mock_server.js '{"port": 9500, "algorithm": "RS256", "claims": {...}}'
// `claims` are what userinfo says beside `sub`.

import { OAuth2Server } from 'oauth2-mock-server';

const { port, algorithm, claims } = JSON.parse(process.argv[2]);

const server = new OAuth2Server();
await server.issuer.keys.generate(algorithm);
server.service.on('beforeUserinfo', (answer) => Object.assign(answer.body, claims));
await server.start(port, '127.0.0.1');
