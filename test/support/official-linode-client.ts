/**
 * The client of Linode's Cloud Manager (npm `@linode/api-v4`), pointed at another root by an interceptor, as Cloud Manager itself does it. Its
 * declarations leave out file endings, so that a strict compiler finds nothing in them: the functions used are declared here.
 */
interface Page<T> {
  readonly data: readonly T[];
  readonly results: number;
}
interface Thing {
  readonly id: number;
  readonly label: string;
}
interface Request {
  readonly url?: string;
}
interface Interceptors {
  use(change: (request: Request) => Request): number;
  eject(id: number): void;
}
type Body = Readonly<Record<string, unknown>>;
type Filter = Readonly<Record<string, unknown>>;
type List<T> = (params?: Readonly<Record<string, number>>, filter?: Filter) => Promise<Page<T>>;

interface OfficialClient {
  readonly baseRequest: { readonly defaults: { adapter?: string }; readonly interceptors: { readonly request: Interceptors } };
  setToken(token: string): number;
  createLinode(body: Body): Promise<Thing & { readonly status: string; readonly ipv4: readonly string[] }>;
  getLinodes: List<Thing>;
  getLinode(id: number): Promise<Thing & { readonly status: string }>;
  getLinodeIPs(id: number): Promise<{ readonly ipv4: { readonly private: readonly unknown[]; readonly vpc: readonly { readonly address: string }[] } }>;
  deleteLinode(id: number): Promise<unknown>;
  getEvents: List<unknown>;
  createNodeBalancer(body: Body): Promise<Thing>;
  createNodeBalancerBeta(body: Body): Promise<Thing>;
  getNodeBalancers: List<Thing>;
  deleteNodeBalancer(id: number): Promise<unknown>;
  createNodeBalancerConfigBeta(id: number, body: Body): Promise<Thing>;
  createNodeBalancerConfigNode(id: number, configId: number, body: Body): Promise<Thing>;
  createNodeBalancerConfigNodeBeta(id: number, configId: number, body: Body): Promise<Thing>;
  getNodeBalancerConfigNodes(id: number, configId: number): Promise<Page<Thing>>;
  updateNodeBalancerConfigNodeBeta(id: number, configId: number, nodeId: number, body: Body): Promise<Thing>;
  deleteNodeBalancerConfigNode(id: number, configId: number, nodeId: number): Promise<unknown>;
  getProfile(): Promise<{ readonly username: string }>;
  getRegions: List<Thing>;
  getLinodeTypes: List<Thing>;
  getImages: List<Thing>;
  getFirewalls: List<Thing>;
  createVPC(body: Body): Promise<Thing & { readonly subnets: readonly Thing[] }>;
}

/** `close` takes the interceptors out again: the client has one state for the whole process. */
export async function officialLinodeClient(url: string, token: string): Promise<{ readonly client: OfficialClient; close(): void }> {
  const client = (await import('@linode/api-v4')) as unknown as OfficialClient;
  client.baseRequest.defaults.adapter = 'http';
  const { request } = client.baseRequest.interceptors;
  const ids = [client.setToken(token), request.use((each) => ({ ...each, url: (each.url ?? '').replace(/^https:\/\/api\.linode\.com/, url) }))];
  return {
    client,
    close: () => {
      for (const id of ids) request.eject(id);
    },
  };
}

/** The reasons of a refused call. */
export function reasonsOf(error: unknown): unknown {
  return (error as { response?: { data?: { errors?: unknown } } }).response?.data?.errors ?? error;
}
