/** The services there are. */
import type { Service } from './contract.ts';
import { elasticsearch } from './elasticsearch.ts';
import { influxdb } from './influxdb.ts';
import { kafka } from './kafka.ts';
import { kubernetes } from './kubernetes.ts';
import { opensearch } from './opensearch.ts';

export const services: readonly Service[] = [elasticsearch, influxdb, kafka, kubernetes, opensearch];
