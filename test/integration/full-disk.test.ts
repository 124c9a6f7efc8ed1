/** A disk that fills up: a small file system in memory, which only root may mount; with a data limit for everybody. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until, type Program } from '../program.ts';
import { smallDisk, takeAllSpace } from './small-disk.ts';

/** 4 KB each: a few thousand of them fill 16 MB. */
const body = JSON.stringify({ text: 'x'.repeat(4000) });

/** The longer a disk takes to fill, the later an output would try again. */
const often = 'retry_max_interval 1s';

/** Posts until something else than 200 is answered, and gives that answer. */
async function fill(program: Program): Promise<{ answer: Response; taken: number }> {
  for (let taken = 0; taken < 20_000;) {
    const answers = await Promise.all(Array.from({ length: 16 }, () => program.post('/postback', body)));
    const other = answers.find(({ status }) => status !== 200);
    taken += answers.filter(({ status }) => status === 200).length;
    if (other) return { answer: other, taken };
  }
  throw new Error('the disk never filled up');
}

test('a full disk answers 503 and recovers by itself', async (t) => {
  const disk = await smallDisk(t, 16);
  if (disk === undefined) return t.skip('mounting a small file system is not allowed here');
  const program = await startProgram(t, {
    dataDir: join(disk, 'data'),
    // The reserve of free space follows the limit: that of the default limit is more than this disk.
    env: { P2L_DATA_LIMIT: '64Mi', P2L_FLUENTD_EXTRACFG: '<match **>\n  @type null\n  @id gone\n</match>\n' },
  });
  await program.ready();
  const other = await takeAllSpace(disk, 16, 1024);
  const { answer, taken } = await fill(program);
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);

  await rm(other);
  await until('postbacks to be taken again', async () => (await program.post('/postback', body)).status === 200);
  await until('all to be delivered', async () => {
    const [output] = (await program.status()).outputs.filter(({ id }) => id === 'gone');
    return output?.waiting === 0 && output.delivered > taken;
  });
  assert.equal(await program.stop(), 0, program.stderr);
});

test('a journal at its limit answers 503 until its output takes records again', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  await writeFile(out, '');
  const program = await startProgram(t, {
    env: {
      P2L_DATA_LIMIT: '64Mi',
      P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  @id stuck\n  path ${out}/all\n  append true\n  <buffer>\n    ${often}\n  </buffer>\n</match>\n`,
    },
  });
  await program.ready();
  const { answer, taken } = await fill(program);
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
  await rm(out);
  await mkdir(out);
  await until('all to be delivered', async () => {
    const [output] = (await program.status()).outputs.filter(({ id }) => id === 'stuck');
    return output?.waiting === 0 && output.delivered >= taken;
  });
  // Not only into what was left over: delivered records have to make room.
  let more = 0;
  await until('a quarter of the journal to be taken again', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => program.post('/postback', body)));
    more += answers.filter(({ status }) => status === 200).length;
    return more > taken / 4;
  });
  assert.equal(await program.stop(), 0, program.stderr);
});

test('a journal at its limit drops the oldest records for an output that chose it, and counts them', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  await writeFile(out, '');
  const buffer = `<buffer>\n    ${often}\n    overflow_action drop_oldest_chunk\n  </buffer>`;
  const program = await startProgram(t, {
    env: {
      P2L_DATA_LIMIT: '64Mi',
      P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  @id stuck\n  path ${out}/all\n  append true\n  ${buffer}\n</match>\n`,
    },
  });
  await program.ready();
  const { taken } = await fill(program);
  let more = 0;
  await until('half of the journal to be taken again', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => program.post('/postback', body)));
    more += answers.filter(({ status }) => status === 200).length;
    return more > taken / 2;
  });
  await rm(out);
  await mkdir(out);
  const stuck = await until('the rest to be delivered', async () => {
    const [output] = (await program.status()).outputs.filter(({ id }) => id === 'stuck');
    return output?.waiting === 0 ? output : undefined;
  });
  const dropped = stuck.refused['overflow'] ?? 0;
  assert.ok(dropped > 0 && stuck.delivered > 0, `${dropped} dropped, ${stuck.delivered} delivered`);
  assert.equal(stuck.delivered + dropped, taken + more);
  assert.equal(await program.stop(), 0, program.stderr);
});
