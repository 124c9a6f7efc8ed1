// Makes Elasticsearch or OpenSearch ready for logs: a template, a policy that deletes old indices, and dashboards in Kibana.
// ELASTICSEARCH and KIBANA are URLs (KIBANA may be missing), SETUP is what to make, as JSON. Writing again what is there
// already changes nothing.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const {
  ELASTICSEARCH = '',
  KIBANA = '',
  SETUP = '{}',
  ELASTICSEARCH_AUTHORIZATION,
  PATIENCE_SECONDS = '600',
} = process.env;
const wanted = JSON.parse(SETUP);
const authorization = ELASTICSEARCH_AUTHORIZATION === undefined ? {} : { authorization: ELASTICSEARCH_AUTHORIZATION };

/** One request; what it answers, as { status, body }. */
async function ask(method, url, body, headers = {}) {
  const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const content = body === undefined ? {} : body instanceof FormData ? { body } : json;
  const signal = AbortSignal.timeout(30_000);
  const answer = await fetch(url, {
    ...content,
    method,
    headers: { ...authorization, ...headers, ...content.headers },
    signal,
  });
  const text = await answer.text();
  let read = text;
  try {
    read = JSON.parse(text);
  } catch {
    // Not JSON: shown as it is.
  }
  return { status: answer.status, body: read };
}

async function must(method, url, body, headers) {
  const answer = await ask(method, url, body, headers);
  if (answer.status < 300) return answer.body;
  throw new Error(`${method} ${url}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Until it answers well: servers may take minutes to start the first time. */
async function awaited(what, url) {
  for (const endMs = Date.now() + Number(PATIENCE_SECONDS) * 1000; ; await delay(2000)) {
    let problem;
    try {
      const { status, body } = await ask('GET', url);
      if (status < 300) return body;
      problem = `${status} ${JSON.stringify(body)}`;
    } catch (error) {
      problem = error.cause?.message ?? error.message;
    }
    if (Date.now() > endMs) throw new Error(`${what} at ${url} does not answer: ${problem}; look at its pods`);
    console.log(`waiting for ${what}: ${problem}`);
  }
}

/** A policy of Elasticsearch (ILM): age counts from when an index was made, which is when its day began. */
async function putLifecycle({ policyName, retentionDays }) {
  const phases = {
    hot: { min_age: '0ms', actions: {} },
    delete: { min_age: `${retentionDays}d`, actions: { delete: {} } },
  };
  await must('PUT', `${ELASTICSEARCH}/_ilm/policy/${policyName}`, { policy: { phases } });
}

/** The same for OpenSearch (ISM), which takes indices to the policy by their names. */
async function putStateManagement({ policyName, retentionDays, indexPattern }) {
  const url = `${ELASTICSEARCH}/_plugins/_ism/policies/${policyName}`;
  const policy = {
    description: `Deletes ${indexPattern} after ${retentionDays} days`,
    default_state: 'kept',
    states: [
      {
        name: 'kept',
        actions: [],
        transitions: [{ state_name: 'deleted', conditions: { min_index_age: `${retentionDays}d` } }],
      },
      { name: 'deleted', actions: [{ delete: {} }], transitions: [] },
    ],
    ism_template: [{ index_patterns: [indexPattern], priority: 100 }],
  };
  const there = await ask('GET', url);
  const version =
    there.status === 200 ? `?if_seq_no=${there.body._seq_no}&if_primary_term=${there.body._primary_term}` : '';
  await must('PUT', `${url}${version}`, { policy });
}

function mappings(keywords) {
  const properties = {};
  for (const path of keywords) {
    const names = path.split('.');
    const last = names.pop();
    let at = properties;
    for (const name of names) at = (at[name] ??= { properties: {} }).properties;
    at[last] = { type: 'keyword' };
  }
  return { properties: { '@timestamp': { type: 'date' }, log: { type: 'text' }, ...properties } };
}

async function putTemplate({ templateName, policyName, indexPattern, shards, replicas, keywords }, hasLifecycle) {
  const index = {
    number_of_shards: shards,
    number_of_replicas: replicas,
    ...(hasLifecycle ? { lifecycle: { name: policyName } } : {}),
  };
  await must('PUT', `${ELASTICSEARCH}/_index_template/${templateName}`, {
    index_patterns: [indexPattern],
    priority: 200,
    template: { settings: { index }, mappings: mappings(keywords) },
  });
}

/** Indices from before the policy get it too. */
async function adopt({ policyName, indexPattern }, isOpenSearch) {
  if (isOpenSearch) await ask('POST', `${ELASTICSEARCH}/_plugins/_ism/add/${indexPattern}`, { policy_id: policyName });
  else await ask('PUT', `${ELASTICSEARCH}/${indexPattern}/_settings`, { 'index.lifecycle.name': policyName });
}

async function importDashboards() {
  await awaited('Kibana', `${KIBANA}/api/status`);
  const form = new FormData();
  form.append('file', new Blob([readFileSync(new URL('dashboards.ndjson', import.meta.url))]), 'dashboards.ndjson');
  const { success, errors } = await must('POST', `${KIBANA}/api/saved_objects/_import?overwrite=true`, form, {
    'kbn-xsrf': 'true',
    'osd-xsrf': 'true',
  });
  if (success !== true) throw new Error(`Kibana did not take the dashboards: ${JSON.stringify(errors)}`);
}

try {
  const { version } = await awaited('Elasticsearch', `${ELASTICSEARCH}/`);
  const isOpenSearch = version.distribution === 'opensearch';
  const isDeleted = wanted.retentionDays > 0;
  if (isDeleted) await (isOpenSearch ? putStateManagement : putLifecycle)(wanted);
  await putTemplate(wanted, isDeleted && !isOpenSearch);
  if (isDeleted) await adopt(wanted, isOpenSearch);
  if (KIBANA !== '') await importDashboards();
  console.log(
    `${wanted.indexPattern}: template ${wanted.templateName}, ${isDeleted ? `deleted after ${wanted.retentionDays} days by ${wanted.policyName}` : 'kept for ever'}${KIBANA === '' ? '' : ', dashboards'}`,
  );
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
