/**
 * A cluster's network out of network namespaces of this machine. The namespace that calls this is what lies outside of the
 * nodes; a bridge there is the wire between them. Each node routes to its pods, which lie behind a bridge of its own:
 *
 *     outside 10.99.0.1 ── wire ── node N: 10.99.0.(10+N) ── pods 10.244.N.0/24
 *
 * Addresses of services (10.96.0.0/16) are rewritten on each node, as kube-proxy does it.
 */
import { execFileSync } from 'node:child_process';

/** The outside as nodes and pods see it. */
export const outsideAddress = '10.99.0.1';

/** How a node is cut off. */
export const cutKinds = ['unplugged', 'silent'] as const;
export type CutKind = (typeof cutKinds)[number];

/** What is reached under an address of a service, or under a port of every node. */
export interface Forwarding {
  /** undefined: any address of the node, which makes `port` a node port. */
  readonly address: string | undefined;
  readonly port: number;
  /** HOST:PORT of those who take it now; none: it is refused. */
  readonly targets: readonly string[];
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
const within = (namespace: string, ...args: readonly string[]): void => ip('-n', namespace, ...args);

/** Names of interfaces have at most 15 characters. */
let links = 0;

export class Network {
  #nodes = 0;

  constructor() {
    // Ours alone: we are in a mount namespace of our own.
    execFileSync('sh', ['-c', 'mkdir -p /run/netns && mount -t tmpfs netns /run/netns']);
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', 'wire', 'type', 'bridge');
    ip('addr', 'add', `${outsideAddress}/24`, 'dev', 'wire');
    ip('link', 'set', 'wire', 'up');
  }
  addNode(name: string): NodeNetwork {
    const number = ++this.#nodes;
    const uplink = `up${number}`;
    const node = new NodeNetwork(name, number, uplink);
    ip('netns', 'add', name);
    execFileSync('ip', ['netns', 'exec', name, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
    ip('link', 'add', uplink, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', uplink, 'master', 'wire', 'up');
    within(name, 'link', 'set', 'lo', 'up');
    within(name, 'link', 'set', 'eth0', 'up');
    within(name, 'addr', 'add', `${node.address}/24`, 'dev', 'eth0');
    within(name, 'route', 'add', 'default', 'via', outsideAddress);
    within(name, 'link', 'add', 'pods', 'type', 'bridge');
    within(name, 'addr', 'add', `${node.podAddress(1)}/24`, 'dev', 'pods');
    within(name, 'link', 'set', 'pods', 'up');
    // Who is outside, and every other node, sends through it.
    ip('route', 'add', `${node.podAddress(0)}/24`, 'via', node.address);
    for (let other = 1; other < number; other++) {
      within(name, 'route', 'add', `10.244.${other}.0/24`, 'via', `10.99.0.${10 + other}`);
      within(`node-${other}`, 'route', 'add', `${node.podAddress(0)}/24`, 'via', node.address);
    }
    return node;
  }
}

export class NodeNetwork {
  readonly name: string;
  readonly address: string;
  readonly #number: number;
  readonly #uplink: string;
  #pods = 1;
  #cut: CutKind | undefined;

  /** Made by Network. */
  constructor(name: string, number: number, uplink: string) {
    this.name = name;
    this.#number = number;
    this.#uplink = uplink;
    this.address = `10.99.0.${10 + number}`;
  }
  podAddress(host: number): string {
    return `10.244.${this.#number}.${host}`;
  }
  /** A namespace for a pod, and its address. */
  addPod(namespace: string): string {
    const address = this.podAddress(++this.#pods);
    const link = `pod${++links}`;
    ip('netns', 'add', namespace);
    within(this.name, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    within(this.name, 'link', 'set', link, 'master', 'pods', 'up');
    within(namespace, 'link', 'set', 'lo', 'up');
    within(namespace, 'link', 'set', 'eth0', 'up');
    within(namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    within(namespace, 'route', 'add', 'default', 'via', this.podAddress(1));
    return address;
  }
  /** Its pods go on reaching each other, and nobody else: the interface says so, or packets vanish without a word. */
  cut(kind: CutKind): void {
    this.#cut = kind;
    if (kind === 'unplugged') ip('link', 'set', this.#uplink, 'down');
    else ip('link', 'set', this.#uplink, 'nomaster');
  }
  rejoin(): void {
    if (this.#cut === 'unplugged') ip('link', 'set', this.#uplink, 'up');
    else if (this.#cut === 'silent') ip('link', 'set', this.#uplink, 'master', 'wire');
    this.#cut = undefined;
  }
  get isCut(): boolean {
    return this.#cut !== undefined;
  }
  /** From now on exactly these hold here. */
  forward(forwardings: readonly Forwarding[]): void {
    const rules = forwardings.map((one) => this.#rule(one)).join('\n');
    // Replies must come back through us to be rewritten: whatever is rewritten leaves with our address.
    const table = `table ip services
delete table ip services
table ip services {
  chain before { type nat hook prerouting priority -100;
${rules}
  }
  chain after { type nat hook postrouting priority 100; ct status dnat masquerade
  }
  chain refused { type filter hook forward priority 0; ip daddr 10.96.0.0/16 reject with icmp type port-unreachable
  }
}
`;
    execFileSync('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], {
      input: table,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  }
  #rule({ address, port, targets }: Forwarding): string {
    const to = `ip daddr ${address ?? this.address} tcp dport ${port}`;
    if (targets.length === 0) return '';
    const choices = targets.map((target, n) => {
      const [host, targetPort] = target.split(':');
      return `${n} : ${host} . ${targetPort}`;
    });
    return `    ${to} dnat to numgen random mod ${targets.length} map { ${choices.join(', ')} }`;
  }
}
