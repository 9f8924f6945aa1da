// A certified OpenID provider that nobody here wrote, on Salesforce's paths.
//
//   node provider.mjs '{"clients": [metadata of RFC 7591, ...], "audience": "https://...", "org": "00D...", "user": "005..."}'
//
// Prints one line of JSON when it is ready, {"url": "http://127.0.0.1:PORT"}, and ends when its standard input does.
// What differs from oidc-provider as it comes is here, and nowhere else: the paths, the parameter names of Salesforce's
// device flow, who may revoke, and the two grant types that its users have to add by themselves.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createLocalJWKSet, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';

const { clients, audience, org, user } = JSON.parse(process.argv[2]);
const OAUTH = '/services/oauth2';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const SUBJECT_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const API = { scope: 'api', audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  clients,
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  extraClientMetadata: { properties: ['gives_jwt'] },
  claims: { openid: ['sub'] },
  cookies: { keys: ['of-no-use-to-anybody'] },
  jwks: { keys: [{ ...signing, alg: 'RS256', use: 'sig', kid: `CORE_ATJWT.${org.slice(0, 15)}.1700000000000` }] },
  scopes: ['openid', 'api', 'refresh_token'],
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  issueRefreshToken: (ctx, client, source) => source.scopes.has('refresh_token'),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  routes: {
    authorization: `${OAUTH}/authorize`,
    token: `${OAUTH}/token`,
    introspection: `${OAUTH}/introspect`,
    revocation: `${OAUTH}/revoke`,
    userinfo: `${OAUTH}/userinfo`,
    device_authorization: `${OAUTH}/device`,
    code_verification: '/setup/connect',
    jwks: '/id/keys',
    end_session: '/services/auth/idp/oidc/logout',
  },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => (client.gives_jwt ? audience : undefined),
      getResourceServerInfo: () => API,
    },
  },
  formats: {
    customizers: {
      // RFC 9068 says `typ` and `scope`; Salesforce says this as well, or instead.
      jwt(ctx, token, jwt) {
        jwt.header = { tnk: `core/na1/${org}`, tty: 'sfdc-core-token', ver: '1.0' };
        jwt.payload.sub = `uid:${user}`;
        jwt.payload.scp = jwt.payload.scope;
      },
    },
  },
});

// ── grant types that oidc-provider leaves to its users ──────────────────────────────────────────────────────────────

const refused = (description) => new errors.CustomOIDCProviderError('invalid_grant', description);

async function issue(ctx, accountId, scope) {
  const { client } = ctx.oidc;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(scope);
  const token = new provider.AccessToken({
    accountId, client, grantId: await grant.save(), gty: 'custom', scope,
  });
  if (client.gives_jwt) token.resourceServer = new provider.ResourceServer(audience, API);
  ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: token.expiration, scope };
}

provider.registerGrantType(JWT_BEARER, async (ctx) => {
  const { client, params } = ctx.oidc;
  let claims;
  try {
    ({ payload: claims } = await jwtVerify(params.assertion, createLocalJWKSet(client.jwks), {
      algorithms: ['RS256'],
      audience: issuer,
      issuer: client.clientId,
      requiredClaims: ['exp', 'sub'],
      maxTokenAge: '3 minutes',
    }));
  } catch (problem) {
    throw refused(problem.code);
  }
  if (!await provider.ReplayDetection.unique(client.clientId, claims.jti, claims.exp)) {
    throw refused('the assertion was used before');
  }
  await issue(ctx, claims.sub, 'api');
}, ['assertion']);

provider.registerGrantType(TOKEN_EXCHANGE, async (ctx) => {
  const { params } = ctx.oidc;
  if (params.subject_token_type !== SUBJECT_TOKEN) throw new errors.InvalidRequest('unsupported subject_token_type');
  const subject = await provider.AccessToken.find(params.subject_token);
  if (!subject) throw refused('the subject token is unknown');
  await issue(ctx, subject.accountId, 'api');
}, ['subject_token', 'subject_token_type', 'token_handler', 'scope']);

// ── Salesforce's dialect ────────────────────────────────────────────────────────────────────────────────────────────

const counted = {};

function issuerOf(assertion) {
  try {
    // Unverified: it only says whose keys the grant has to be verified with.
    return JSON.parse(Buffer.from(assertion.split('.')[1], 'base64url')).iss;
  } catch {
    return undefined;
  }
}

async function ownerOf(token) {
  return (await provider.RefreshToken.find(token)
    ?? await provider.AccessToken.find(token)
    ?? await provider.ClientCredentials.find(token))?.clientId;
}

async function translated(ctx) {
  let text = '';
  ctx.req.setEncoding('utf8');
  for await (const part of ctx.req) text += part;
  const form = Object.fromEntries(new URLSearchParams(text));
  if (ctx.path === `${OAUTH}/revoke` && !form.client_id) {
    // Salesforce asks for the token alone. Here each client has to prove itself, so the token's own one does.
    const owner = await ownerOf(form.token);
    const client = clients.find((each) => each.client_id === owner) ?? clients[0];
    return { ...form, client_id: client.client_id, client_secret: client.client_secret };
  }
  if (ctx.path !== `${OAUTH}/token`) return form;
  const name = form.grant_type ?? form.response_type;
  counted[name] = (counted[name] ?? 0) + 1;
  if (form.response_type === 'device_code') {
    ctx.path = `${OAUTH}/device`;
    const { response_type: _, ...rest } = form;
    return rest;
  }
  if (form.grant_type === 'device') {
    const { code, ...rest } = form;
    return { ...rest, grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code };
  }
  // Salesforce gives a server the scopes of its app, and takes no `scope`.
  if (form.grant_type === 'client_credentials') return { ...form, scope: 'api' };
  return form.grant_type === JWT_BEARER ? { ...form, client_id: issuerOf(form.assertion) } : form;
}

provider.use(async (ctx, next) => {
  if (ctx.path === '/counted') {
    ctx.body = counted;
    return;
  }
  if (ctx.method === 'POST' && ctx.path.startsWith(OAUTH)) ctx.req.body = await translated(ctx);
  await next();
});

provider.on('server_error', (ctx, problem) => process.stderr.write(`${problem.stack}\n`));
server.on('request', provider.callback());
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ url: issuer })}\n`);
