/** The services there are. */
import type { Service } from './contract.ts';
import { influxdb } from './influxdb.ts';
import { kafka } from './kafka.ts';

export const services: readonly Service[] = [influxdb, kafka];
