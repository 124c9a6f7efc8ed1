/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { filter } from './scenarios/filter.ts';
import { forward } from './scenarios/forward.ts';
import { idle } from './scenarios/idle.ts';
import { outputs } from './scenarios/outputs.ts';
import { lag } from './scenarios/lag.ts';
import { parse } from './scenarios/parse.ts';
import { pipeline } from './scenarios/pipeline.ts';
import { postback } from './scenarios/postback.ts';
import { recordShape } from './scenarios/record-shape.ts';
import { store } from './scenarios/store.ts';
import { tail } from './scenarios/tail.ts';

export const scenarios: readonly Scenario[] = [
  recordShape,
  postback,
  pipeline,
  forward,
  lag,
  parse,
  outputs,
  filter,
  tail,
  idle,
  store,
];
