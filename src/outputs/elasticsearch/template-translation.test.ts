import assert from 'node:assert/strict';
import { test } from 'node:test';
import { translateTemplate } from './template-translation.ts';

const old = {
  template: 'logstash-*',
  order: 3,
  settings: { 'index.number_of_shards': 1 },
  mappings: {
    _default_: {
      _all: { enabled: false },
      dynamic_templates: [{ all: { match: '*', mapping: { type: 'string', index: 'not_analyzed' } } }],
    },
    'fluent-logging': {
      properties: {
        kubernetes: { properties: { pod_name: { index: 'not_analyzed', type: 'keyword' } } },
        log: { type: 'string', norms: { enabled: false }, fields: { raw: { type: 'string', index: 'not_analyzed' } } },
        hidden: { type: 'string', index: 'no', include_in_all: false },
      },
    },
  },
};

test('an old template for a server of today: no type names, nothing that was given up', () => {
  assert.deepEqual(translateTemplate(old, { major: 8, isLegacy: true, typeName: 'x' }), {
    index_patterns: ['logstash-*'],
    order: 3,
    settings: { 'index.number_of_shards': 1 },
    mappings: {
      dynamic_templates: [{ all: { match: '*', mapping: { type: 'keyword' } } }],
      properties: {
        kubernetes: { properties: { pod_name: { type: 'keyword' } } },
        log: { type: 'text', norms: false, fields: { raw: { type: 'keyword' } } },
        hidden: { type: 'text', index: false },
      },
    },
  });
});

test('types stay where the server has them, and are put there', () => {
  const { mappings } = translateTemplate(old, { major: 6, isLegacy: true, typeName: 'x' });
  assert.deepEqual(Object.keys(mappings as object), ['_default_', 'fluent-logging']);
  const bare = { index_patterns: ['a'], mappings: { properties: { a: { type: 'keyword' } } } };
  assert.deepEqual(translateTemplate(bare, { major: 6, isLegacy: true, typeName: 'x' }), {
    index_patterns: ['a'],
    mappings: { x: { properties: { a: { type: 'keyword' } } } },
  });
  assert.deepEqual(
    translateTemplate({ ...bare, index_patterns: 'a-*' }, { major: 5, isLegacy: true, typeName: 'x' })['template'],
    'a-*',
  );
});

test('templates of the old kind become such of the new kind, and back', () => {
  const fresh = translateTemplate(old, { major: 8, isLegacy: false, typeName: 'x' });
  assert.deepEqual([fresh['index_patterns'], fresh['priority']], [['logstash-*'], 3]);
  assert.deepEqual(Object.keys(fresh['template'] as object), ['settings', 'mappings']);
  const again = translateTemplate({ ...fresh, data_stream: {} }, { major: 8, isLegacy: true, typeName: 'x' });
  assert.deepEqual(again, { ...translateTemplate(old, { major: 8, isLegacy: true, typeName: 'x' }), data_stream: {} });
});

test('what was given up in 8: names of date formats with capitals, _field_names', () => {
  const mappings = {
    _field_names: { enabled: false },
    dynamic_date_formats: ['strictDateOptionalTime', 'yyyy/MM/dd'],
    dynamic_templates: [{ dates: { match: '*_at', mapping: { type: 'date', format: 'basicTTime' } } }],
    properties: {
      a: { type: 'date', format: 'dateOptionalTime' },
      b: { type: 'date', format: 'yyyyMMddHH || strictDateOptionalTime||weekyearWeekDay||epoch_millis' },
    },
  };
  const translated = (major: number) =>
    translateTemplate({ index_patterns: ['a'], mappings }, { major, isLegacy: true, typeName: 'x' })['mappings'];
  const properties = {
    a: { type: 'date', format: 'date_optional_time' },
    b: { type: 'date', format: 'yyyyMMddHH ||strict_date_optional_time||weekyear_week_day||epoch_millis' },
  };
  const now = {
    dynamic_date_formats: ['strict_date_optional_time', 'yyyy/MM/dd'],
    dynamic_templates: [{ dates: { match: '*_at', mapping: { type: 'date', format: 'basic_t_time' } } }],
    properties,
  };
  assert.deepEqual(translated(8), now);
  assert.deepEqual(translated(7), { _field_names: { enabled: false }, ...now });
});
