/** `<inject>`: host name, worker, tag and time as fields of the records an output writes. Source: Fluentd 1.16 inject.rb. */
import { hostname } from 'node:os';
import type { InjectModel } from '../config/model.ts';
import type { Batch } from '../core/batch.ts';
import { withFields } from './fields.ts';
import { Float } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { compileTime } from './strftime.ts';

/** Gives a batch whose records carry the injected fields; the batch itself where nothing is to be injected. */
export function compileInject(inject: InjectModel | undefined): (batch: Batch) => Batch {
  if (!inject) return (batch) => batch;
  const { hostnameKey, workerIdKey, tagKey, timeKey } = inject;
  if (hostnameKey === undefined && workerIdKey === undefined && tagKey === undefined && timeKey === undefined)
    return (batch) => batch;
  const fixed: [string, Value][] = [];
  if (hostnameKey !== undefined) fixed.push([hostnameKey, inject.hostname ?? hostname()]);
  // One process delivers, whatever number of them receives: it is Fluentd's worker 0.
  if (workerIdKey !== undefined) fixed.push([workerIdKey, 0]);
  const time = timeKey === undefined ? undefined : compileInjectTime(inject);
  return (batch) => {
    const shared: [string, Value][] = tagKey === undefined ? fixed : [...fixed, [tagKey, batch.tag]];
    return batch.map((fields, row) => {
      const added = time && timeKey !== undefined ? time(batch.seconds(row), batch.nanos(row)) : undefined;
      return withFields(fields, added === undefined ? shared : [...shared, [timeKey as string, added]]);
    });
  };
}

function compileInjectTime(inject: InjectModel): (seconds: number, nanos: number) => Value {
  switch (inject.timeType) {
    case 'unixtime':
      return (seconds) => seconds;
    case 'unixtime_millis':
      return (seconds, nanos) => seconds * 1000 + Math.floor(nanos / 1e6);
    case 'unixtime_micros':
      return (seconds, nanos) => seconds * 1e6 + Math.floor(nanos / 1000);
    case 'unixtime_nanos':
      return (seconds, nanos) => BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
    case 'string':
      return compileTime(inject);
    default:
      return (seconds, nanos) => {
        const micros = Math.floor(nanos / 1000);
        const value = Number(`${seconds}.${String(micros).padStart(6, '0')}`);
        if (seconds < 0) return new Float(seconds + micros / 1e6);
        return Number.isInteger(value) ? new Float(value) : value;
      };
  }
}
