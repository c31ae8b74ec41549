// An OAuth 2 server for tests: npm `oidc-provider` on loopback. Arguments: folder with node_modules, port, seconds that tokens
// live, milliseconds that the token endpoint takes before it does anything.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
const [port, seconds, delay] = process.argv.slice(3).map(Number);
const { Provider } = await import(pathToFileURL(createRequire(`${folder}/x.js`).resolve('oidc-provider')).href);

const device = 'urn:ietf:params:oauth:grant-type:device_code';
const anybody = { enabled: true, allowedPolicy: () => true };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'flytectl', application_type: 'native', token_endpoint_auth_method: 'none', response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', device], redirect_uris: ['http://localhost/callback'] },
    { client_id: 'robot', client_secret: 'planted secret/with+odd%chars', grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [] },
    { client_id: 'api', client_secret: 'of-the-control-plane', grant_types: [], redirect_uris: [], response_types: [] },
  ],
  scopes: ['openid', 'offline_access', 'all'],
  features: { deviceFlow: { enabled: true }, clientCredentials: { enabled: true }, introspection: anybody,
    revocation: anybody, devInteractions: { enabled: true } },
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  ttl: { AccessToken: () => seconds, ClientCredentials: () => seconds, RefreshToken: () => 3600, DeviceCode: () => 600 },
  cookies: { keys: ['tests'] },
});
provider.use(async (ctx, next) => {
  if (delay && ctx.path === '/token') await new Promise((resolve) => setTimeout(resolve, delay));
  await next();
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
