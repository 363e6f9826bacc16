import type { Mutation } from './mutation.ts'

/** Breaks what keeps hostile words out of pages for people, and tokens on the machine that they are of. */
export const PORTAL: readonly Mutation[] = [
  {
    name: 'quotes of a document end an attribute',
    file: 'gateway/portal/html.ts',
    from: '.replaceAll(/[&<>"\'`]/g,',
    to: '.replaceAll(/[&<>]/g,',
    tests: ['portal/html'],
  },
  {
    name: 'a license leads to a script',
    file: 'gateway/portal/html.ts',
    from: '!/^https?:\\/\\//i.test(text) || ',
    to: '',
    tests: ['portal/html'],
  },
  {
    name: 'a schema that shares its parts widely is walked to its end',
    file: 'gateway/portal/fields.ts',
    from: 'if (depth > DEPTH_MAX || ++this.#seen > SCHEMAS_MAX) return void (this.more = true)',
    to: 'if (depth > DEPTH_MAX) return void (this.more = true)',
    tests: ['portal/fields'],
  },
  {
    name: 'a development token goes through a proxy',
    file: 'gateway/transport/near.ts',
    from: "isLoopback(remote) && forwarded === '' &&",
    to: 'isLoopback(remote) &&',
    tests: ['transport/portal'],
  },
  {
    name: 'a development token goes to a page of any origin',
    file: 'gateway/transport/portal.ts',
    from: ' || request.origin !== `http://${request.host}`',
    to: '',
    tests: ['transport/portal'],
  },
  {
    name: 'a development token goes to a page whose name was pointed here',
    file: 'gateway/transport/near.ts',
    from: ' && LOOPBACK_HOST.test(host)',
    to: " && host !== ''",
    tests: ['transport/portal'],
  },
  {
    name: 'a development token is made where others are meant to come',
    file: 'gateway/assembly/portal.ts',
    from: ' && listen.publicUrl === null',
    to: '',
    tests: ['assembly/portal'],
  },
  {
    name: 'a Host header gets into the policy of a page as it was sent',
    file: 'gateway/transport/portal.ts',
    from: '...(isHost(host) ? [host] : [])',
    to: 'host',
    tests: ['transport/portal'],
  },
  {
    name: 'a page lists streams that partners cannot read',
    file: 'gateway/portal/productPage.ts',
    from: "streams.filter(({ expose }) => expose === 'read')",
    to: 'streams',
    tests: ['transport/portal'],
  },
]
