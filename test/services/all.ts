/** The services there are. */
import type { Service } from './contract.ts';
import { influxdb } from './influxdb.ts';
import { kafka } from './kafka.ts';
import { kubernetes } from './kubernetes.ts';
import { opensearch } from './opensearch.ts';

export const services: readonly Service[] = [influxdb, kafka, kubernetes, opensearch];
