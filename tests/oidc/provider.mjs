// A real provider of OpenID Connect (panva's oidc-provider) on this computer, and how it is made to misbehave.

import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

export const CLIENT = 'danxia';
export const SECRET = 'a secret: of & danxia?';

/** A private key as JWK: RS256, or what else is asked for. */
export function key(kid, alg = 'RS256') {
  const pair = alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

export class Login {
  /** `people`: what the provider says of each, by their subject; `log in` is whoever `who` names, without asking. */
  constructor({ port, people, redirects, keys = [key('first')], inToken = true, alg = 'RS256' }) {
    Object.assign(this, { port, people, redirects, keys, inToken, alg });
    this.issuer = `http://127.0.0.1:${port}`;
    this.who = undefined;
    this.deny = false;
    /** Changes the claims of the next ID tokens. */
    this.twist = undefined;
    this.exchanges = 0;
  }

  async start() {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: CLIENT,
          client_secret: SECRET,
          redirect_uris: this.redirects,
          response_types: ['code'],
          grant_types: ['authorization_code'],
          id_token_signed_response_alg: this.alg,
        },
      ],
      jwks: { keys: this.keys },
      cookies: { keys: ['of the provider'] },
      scopes: ['openid', 'profile', 'groups'],
      claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
      conformIdTokenClaims: !this.inToken,
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, i) => `/interaction/${i.uid}` },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...this.people[sub] }) }),
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    });
    provider.use(async (ctx, next) => {
      if (ctx.path.startsWith('/interaction/')) return this.interact(provider, ctx);
      await next();
      if (ctx.path !== '/token') return;
      this.exchanges++;
      if (this.twist && ctx.body?.id_token) ctx.body.id_token = this.twisted(ctx.body.id_token);
    });
    this.server = createServer(provider.callback());
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  /** What a person does at the provider: they say who they are, and agree; or they do not. */
  async interact(provider, ctx) {
    const { prompt, params } = await provider.interactionDetails(ctx.req, ctx.res);
    let result;
    if (this.deny) {
      result = { error: 'access_denied', error_description: 'not today' };
    } else if (prompt.name === 'login') {
      result = { login: { accountId: this.who } };
    } else {
      const grant = new provider.Grant({ accountId: this.who, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      result = { consent: { grantId: await grant.save() } };
    }
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
  }

  /** The token with other claims, signed by the provider's own key; or by whatever key `twist` gives. */
  twisted(token) {
    const [head, body] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    const { header = {}, claims = {}, by = this.keys[0] } = this.twist;
    const message = [{ ...head, ...header }, { ...body, ...claims }].map((v) => Buffer.from(JSON.stringify(v)).toString('base64url')).join('.');
    const signature = sign('sha256', Buffer.from(message), { key: createPrivateKey({ key: by, format: 'jwk' }), dsaEncoding: 'ieee-p1363' });
    return `${message}.${signature.toString('base64url')}`;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
