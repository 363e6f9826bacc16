/** What must not leave: each word stands in one place of the document below, and says which. */
export const SECRETS: readonly string[] = [
  ...['root-extension', 'info-extension', 'info-tag', 'info-docs', 'owner-team', 'owner-email'],
  ...['server-name', 'server-host', 'server-words', 'server-extension', 'cluster', 'server-tag', 'server-default'],
  ...['address', 'topic', 'group', 'client', 'topic-config', 'channel-extension', 'channel-tag', 'channel-docs'],
  ...['message-key-words', 'registry', 'message-extension', 'message-tag', 'message-docs', 'correlation'],
  ...['hidden-header', 'hidden-header-words', 'header-example', 'trait-extension', 'undescribed-member'],
  ...['schema-extension', 'schema-comment', 'schema-docs', 'deep-extension', 'deep-comment', 'discriminator'],
  ...['undescribed-value', 'undescribed-deep', 'undescribed-item', 'undescribed-nested', 'schema-example'],
  ...['schema-default', 'property-example', 'operation-name', 'operation-words', 'operation-tag', 'operation-security'],
  ...['other-channel', 'other-topic', 'other-message', 'other-schema', 'unused-schema', 'security-scheme'],
  ...['parameter-extension', 'reply', 'overlay-extension'],
].map((place) => `zz-${place}`)

const z = (place: string): string => {
  const word = `zz-${place}`
  if (!SECRETS.includes(word)) throw new Error(`${word} is not among the secrets`)
  return word
}

/** The team's whole knowledge, in every place that AsyncAPI has for it, around a product that shows little. */
export const TEMPTING = {
  asyncapi: '3.0.0',
  'x-root': z('root-extension'),
  info: {
    title: 'Orders',
    version: '1.0.0',
    description: 'Orders as they are placed.',
    contact: { name: 'Partner desk', email: 'desk@example.org' },
    tags: [{ name: z('info-tag') }],
    externalDocs: { url: `https://${z('info-docs')}.example.org/` },
    'x-info': { deep: [z('info-extension')] },
    'x-data-product': {
      id: 'orders',
      owner: { team: z('owner-team'), email: `${z('owner-email')}@example.org` },
      visibility: 'public',
      access: 'open',
      lifecycle: 'released',
      defaultPlan: 'free',
      plans: [{ name: 'free', price: '0', priceCurrency: 'EUR', onRedisLoss: 'pause' }],
    },
  },
  servers: {
    [z('server-name')]: {
      host: `{host}:9092`,
      protocol: 'kafka',
      description: z('server-words'),
      variables: { host: { default: z('server-default'), examples: [z('server-host')] } },
      tags: [{ name: z('server-tag') }],
      'x-cluster': z('cluster'),
      'x-server': z('server-extension'),
    },
  },
  channels: {
    placed: {
      address: `${z('address')}.{shop}`,
      title: 'Placed',
      description: 'Each order once.',
      parameters: {
        shop: { description: 'Which shop.', location: '$message.payload#/shop', 'x-p': z('parameter-extension') },
      },
      servers: [{ $ref: `#/servers/${z('server-name')}` }],
      tags: [{ name: z('channel-tag') }],
      externalDocs: { url: `https://${z('channel-docs')}.example.org/` },
      'x-channel': z('channel-extension'),
      bindings: { kafka: { topic: `${z('topic')}.v1`, topicConfiguration: { 'x-note': z('topic-config') } } },
      messages: { order: { $ref: '#/components/messages/Order' } },
      'x-data-product': { expose: 'read', showHeaders: ['source'], filterable: ['shop'] },
    },
    [z('other-channel')]: {
      address: z('other-topic'),
      messages: { other: { name: z('other-message'), payload: { $ref: '#/components/schemas/Other' } } },
    },
  },
  operations: {
    [z('operation-name')]: {
      action: 'send',
      channel: { $ref: '#/channels/placed' },
      summary: z('operation-words'),
      tags: [{ name: z('operation-tag') }],
      security: [{ $ref: '#/components/securitySchemes/sasl' }],
      bindings: {
        kafka: {
          groupId: { type: 'string', enum: [z('group')] },
          clientId: { type: 'string', enum: [z('client')] },
        },
      },
      reply: { address: { location: '$message.header#/replyTo', description: z('reply') } },
    },
  },
  components: {
    securitySchemes: {
      sasl: { type: 'scramSha256', description: z('operation-security') },
      other: { type: 'userPassword', description: z('security-scheme') },
    },
    messageTraits: { common: { 'x-trait': z('trait-extension'), title: 'An order' } },
    messages: {
      Order: {
        name: 'order',
        summary: 'Somebody bought something.',
        traits: [{ $ref: '#/components/messageTraits/common' }],
        tags: [{ name: z('message-tag') }],
        externalDocs: { url: `https://${z('message-docs')}.example.org/` },
        correlationId: { location: '$message.header#/id', description: z('correlation') },
        'x-message': z('message-extension'),
        bindings: {
          kafka: { key: { type: 'string', description: z('message-key-words') }, schemaLookupStrategy: z('registry') },
        },
        headers: {
          type: 'object',
          properties: {
            source: { type: 'string', description: 'Which system took the order.' },
            [z('hidden-header')]: { type: 'string', description: z('hidden-header-words') },
          },
        },
        payload: { $ref: '#/components/schemas/Order' },
        examples: [
          {
            name: 'bread',
            summary: 'Bread.',
            headers: { source: 'till', 'x-h': z('header-example') },
            payload: {
              shop: 'north',
              [z('undescribed-member')]: z('undescribed-value'),
              buyer: { name: 'A', note: z('undescribed-deep') },
              items: [{ id: 1, memo: z('undescribed-item'), ship: { to: 'B', via: z('undescribed-nested') } }],
            },
          },
        ],
      },
    },
    schemas: {
      Order: {
        type: 'object',
        required: ['shop'],
        $comment: z('schema-comment'),
        'x-schema': z('schema-extension'),
        externalDocs: { url: `https://${z('schema-docs')}.example.org/` },
        discriminator: z('discriminator'),
        examples: [{ shop: 'south', hidden: z('schema-example') }],
        properties: {
          shop: { type: 'string', description: 'Where.', examples: ['north'], 'x-deep': z('deep-extension') },
          buyer: { $ref: '#/components/schemas/Buyer' },
          items: {
            type: 'array',
            items: {
              type: 'object',
              properties: {
                id: { type: 'integer' },
                ship: { anyOf: [{ type: 'null' }, { type: 'object', properties: { to: { type: 'string' } } }] },
              },
            },
          },
        },
      },
      Buyer: {
        type: 'object',
        $comment: z('deep-comment'),
        default: { name: 'nobody', hidden: z('schema-default') },
        properties: {
          name: { type: 'string' },
          address: {
            type: 'object',
            properties: { city: { type: 'string' } },
            examples: [{ city: 'C', x: z('property-example') }],
          },
        },
      },
      Other: { type: 'object', description: z('other-schema') },
      Unused: { type: 'object', description: z('unused-schema') },
    },
  },
}

export const TEMPTING_OVERLAY = { info: { 'x-overlay': z('overlay-extension') } }
