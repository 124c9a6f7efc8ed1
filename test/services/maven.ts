/** Jars from Maven Central, which tells their checksums. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installPackage } from './packages.ts';

/** `group:artifact:version`, pinned. */
export type MavenArtifact = `${string}:${string}:${string}`;

const pluginVersion = '3.8.1';
const run = promisify(execFile);

/**
 * Fetches artifacts with all they need into `directory`, unless it is there: a directory that is there is whole. `arrange`
 * may move the jars before that. @throws with what to do
 */
export async function fetchJars(
  directory: string,
  artifacts: readonly MavenArtifact[],
  arrange: (jars: string) => void = () => undefined,
): Promise<void> {
  installPackage('java', 'openjdk-17-jre-headless');
  if (existsSync(directory)) return;
  installPackage('mvn', 'maven');
  const work = `${directory}.part`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  writeFileSync(
    join(work, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>post2log</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>`,
  );
  const goal = `org.apache.maven.plugins:maven-dependency-plugin:${pluginVersion}:copy-dependencies`;
  const jars = join(work, 'jars');
  try {
    // -C: a jar whose checksum differs stops it.
    await run('mvn', ['-B', '-q', '-C', goal, `-DoutputDirectory=${jars}`], { cwd: work });
  } catch (error) {
    const names = artifacts.join(', ');
    throw new Error(`mvn could not fetch ${names} from Maven Central; run it again with a network`, { cause: error });
  }
  arrange(jars);
  renameSync(jars, directory);
  rmSync(work, { recursive: true, force: true });
}
