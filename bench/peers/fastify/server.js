// Fastify 5 with its cookie, cors, helmet and rate-limit plugins, pg and pino, each set up as its documentation shows.
import { createHmac } from 'node:crypto'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import pg from 'pg'

const { DATABASE_URL, PORT, RATE_LIMIT, SESSION_SECRET, SQL, WEBAPP_URL } = process.env
const COOKIE = '__Host-session'
const MILLISECONDS = { second: 1000, minute: 60_000, hour: 3_600_000 }
const [count, unit] = RATE_LIMIT.split('/')
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 8 })
// The proxy's headers say what the client's address is.
const fastify = Fastify({ logger: true, trustProxy: '127.0.0.1' })

await fastify.register(cookie)
await fastify.register(cors, {
  origin: [WEBAPP_URL],
  credentials: true,
  exposedHeaders: ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'Retry-After']
})
await fastify.register(helmet, {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"]
    }
  },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: { maxAge: 63072000, includeSubDomains: true }
})
await fastify.register(rateLimit, { max: Number(count), timeWindow: MILLISECONDS[unit] })

// Helmet has no setting for these headers.
fastify.addHook('onRequest', async (_request, reply) => {
  reply.headers({
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'Cache-Control': 'no-store'
  })
})

const nullableString = { type: ['string', 'null'] }
const healthSchema = {
  response: { 200: { type: 'object', properties: { status: { type: 'string' }, timestamp: { type: 'string' } } } }
}
const sessionSchema = {
  response: {
    200: {
      type: 'object',
      properties: {
        authenticated: { type: 'boolean' },
        registered: { type: 'boolean' },
        user: {
          type: ['object', 'null'],
          properties: { id: nullableString, email: { type: 'string' }, name: nullableString, picture: nullableString }
        },
        expires_at: nullableString
      }
    }
  }
}

async function findSession (request) {
  const token = request.cookies[COOKIE]
  if (token === undefined) return undefined
  const hash = createHmac('sha256', SESSION_SECRET).update(token).digest()
  // pg prepares a statement with a name once for each connection.
  const { rows } = await pool.query({ name: 'find_session', text: SQL, values: [hash] })
  return rows[0]
}

fastify.get('/health', { schema: healthSchema, config: { rateLimit: false } }, async () => (
  { status: 'ok', timestamp: new Date().toISOString() }
))

fastify.get('/auth/session', { schema: sessionSchema }, async (request) => {
  const row = await findSession(request)
  if (row === undefined) return { authenticated: false, registered: false, user: null, expires_at: null }
  const { user_id: id, email, name, picture, expires_at: expiresAt } = row
  return {
    authenticated: true,
    registered: id !== null,
    user: { id, email, name, picture },
    expires_at: expiresAt.toISOString()
  }
})

fastify.get('/auth/verify', async (request, reply) => {
  const row = await findSession(request)
  if (row === undefined) return reply.code(401).send()
  reply.headers({ 'X-Auth-User-Id': row.user_id, 'X-Auth-Email': row.email, 'X-Auth-Name': row.name ?? '' })
  return reply.send()
})

await fastify.listen({ host: '127.0.0.1', port: Number(PORT), backlog: 2048 })
