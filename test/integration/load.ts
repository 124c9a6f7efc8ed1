/** Postbacks under way while things die. */
import { until } from '../program.ts';
import type { Program } from '../program.ts';

/** Postbacks numbered from `first` until it is stopped; those that are in doubt are not sent again. */
export function load(program: Program, first = 0) {
  const acknowledged: number[] = [];
  let next = first;
  let isOn = true;
  const loop = async (): Promise<void> => {
    while (isOn) {
      const n = next++;
      const answer = await program.post('/postback', JSON.stringify({ n })).catch(() => undefined);
      if (answer?.status === 200) acknowledged.push(n);
    }
  };
  const loops = Array.from({ length: 4 }, loop);
  return {
    acknowledged,
    more: (count: number) => {
      const enough = acknowledged.length + count;
      return until('load', () => acknowledged.length >= enough);
    },
    async stop() {
      isOn = false;
      await Promise.all(loops);
    },
  };
}
