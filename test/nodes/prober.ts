/** Runs in a node's network namespace, where a cut of the node does not reach, and asks pods for their kubelet; see probes.ts. */
import { ask, type Question } from './probes.ts';

process.on('message', (question: Question & { id: number }) => {
  void ask(question).then((isWell) => process.send?.({ id: question.id, isWell }));
});
process.on('disconnect', () => process.exit(0));
