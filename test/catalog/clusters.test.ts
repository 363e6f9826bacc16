import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matchCluster } from '../../gateway/catalog/clusters.ts'

const eu = { name: 'eu', brokers: ['eu-1:9092', 'EU-2:9093'] }
const us = { name: 'us', brokers: ['us-1'] }

function server(host: string, cluster: string | null = null): { name: string; host: string; cluster: string | null } {
  return { name: 's', host, cluster }
}

describe('clusters', () => {
  it('without clusters every stream comes from the embedded log', () => {
    assert.deepEqual(matchCluster({ servers: [server('x:1', 'eu')] }, []), { cluster: null })
  })

  it('x-cluster comes before host and port, those before the only one', () => {
    assert.deepEqual(matchCluster({ servers: [server('us-1:9092', 'eu')] }, [eu, us]), { cluster: 'eu' })
    assert.deepEqual(matchCluster({ servers: [server('elsewhere:1'), server('eu-2:9093')] }, [eu, us]), {
      cluster: 'eu',
    })
    assert.deepEqual(matchCluster({ servers: [server('US-1')] }, [eu, us]), { cluster: 'us' })
    assert.deepEqual(matchCluster({ servers: [server('elsewhere:1')] }, [us]), { cluster: 'us' })
    assert.deepEqual(matchCluster({ servers: [] }, [us]), { cluster: 'us' })
  })

  it('a port counts', () => {
    assert.ok('problem' in matchCluster({ servers: [server('eu-1:9999')] }, [eu, us]))
  })

  it('who names a cluster is never given another', () => {
    const match = matchCluster({ servers: [server('elsewhere:1', 'asia')] }, [us])
    assert.ok('problem' in match && /asia/.test(match.problem) && /us/.test(match.fix))
  })

  it('where none fits, the problem names the hosts and the cure the clusters', () => {
    const match = matchCluster({ servers: [server('elsewhere:1')] }, [eu, us])
    assert.ok('problem' in match && /elsewhere:1/.test(match.problem) && /eu, us/.test(match.fix))
  })
})
