/** The services there are. */
import type { Service } from './contract.ts';
import { influxdb } from './influxdb.ts';

export const services: readonly Service[] = [influxdb];
