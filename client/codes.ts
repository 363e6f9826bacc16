/** Each error of the gateway (docs/errors.md) and its close code, whose range says what to do. */
export const CLOSE_CODES = {
  draining: 4000,
  slow: 4001,
  'source-unavailable': 4002,
  idle: 4003,
  'too-many-connections': 4004,
  internal: 4011,
  'token-expired': 4201,
  'token-revoked': 4202,
  'bad-frame': 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  'no-such-stream': 4404,
  'auth-timeout': 4408,
  'duplicate-subscription': 4409,
  retired: 4410,
  'too-big': 4413,
  'bad-format': 4415,
  'bad-parameter': 4422,
  'cursor-invalid': 4422,
  'quota-exhausted': 4429,
  'too-many-subscriptions': 4431,
  'too-many-frames': 4432,
} as const

export type ErrorCode = keyof typeof CLOSE_CODES
