/** Replaces the values of fields by keyed hashes: records can still be counted and joined by them, but nobody reads them. */
import { createHmac } from 'node:crypto';
import { copyFields, definePlugin, getField, integer, list, secret, setField } from 'post2log';

export const pseudonymize = definePlugin({
  kind: 'filter',
  name: 'pseudonymize',
  summary: 'Replaces the values of fields by keyed hashes',
  options: {
    keys: list('Fields whose values are replaced', { required: true }),
    hashKey: secret('Key of the hash; equal values get equal hashes only under the same key', { required: true }),
    // 16 hex digits are 64 bits: a collision is unlikely below a billion different values.
    length: integer(8, 64)('Hex digits of the hash that are kept', { default: 16 }),
  },
  example: `<filter shop.**>
  @type pseudonymize
  keys email,phone
  hash_key "#{ENV['HASH_KEY']}"
</filter>`,
  create({ options }) {
    const hash = (value) =>
      createHmac('sha256', options.hashKey)
        .update(typeof value === 'string' ? value : JSON.stringify(value))
        .digest('hex')
        .slice(0, options.length);
    return {
      // Pure and synchronous: the same batch gives the same records, however often it is replayed.
      apply: (batch) =>
        batch.map((fields) => {
          const present = options.keys.filter((key) => (getField(fields, key) ?? null) !== null);
          if (present.length === 0) return fields;
          const changed = copyFields(fields);
          for (const key of present) setField(changed, key, hash(getField(fields, key)));
          return changed;
        }),
    };
  },
});
