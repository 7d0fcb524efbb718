// An OpenID provider on loopback: `node provider.mjs MODULE SETTINGS`, where MODULE is oidc-provider's entry and SETTINGS
// a JSON file with port, clients and jwks. It listens until it is ended, and prints what it is asked.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { default: Provider } = await import(pathToFileURL(process.argv[2]));
const { port, clients, jwks } = JSON.parse(readFileSync(process.argv[3]));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks,
  claims: { openid: ['sub'], profile: ['name', 'groups'] },
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (context, audience) => ({
        audience, scope: '', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} of the lab`, groups: id === 'root' ? ['people', 'blast-admins'] : ['people'] }),
  }),
});
provider.use((context, next) => {
  console.log(`${context.method} ${context.path}`);
  return next();
});
provider.listen(port, '127.0.0.1');
