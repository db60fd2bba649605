/** Everything one emulated account has. */

import { FaultBook } from '../api/faults.ts';
import { Ledger } from '../api/ledger.ts';
import type { MachineWorld, Network } from '../machines/machines.ts';
import { Balancers } from './balancers.ts';
import { EventLog } from './events.ts';
import { Firewalls } from './firewalls.ts';
import { Ids } from './ids.ts';
import { Images } from './images.ts';
import { Linodes } from './linodes.ts';
import type { AccountOptions, Surroundings } from './model.ts';
import { PlacementGroups } from './placement-groups.ts';
import { StackScripts } from './stackscripts.ts';
import { Tokens } from './tokens.ts';
import { Vpcs } from './vpcs.ts';

export class Account implements Surroundings {
  readonly options: AccountOptions;
  readonly world: MachineWorld;
  readonly network: Network;
  readonly now: () => number;
  readonly ids = new Ids();
  readonly faults = new FaultBook();
  readonly ledger: Ledger;
  readonly tokens: Tokens;
  readonly events: EventLog;
  readonly images: Images;
  readonly stackscripts: StackScripts;
  readonly vpcs: Vpcs;
  readonly firewalls: Firewalls;
  readonly placementGroups: PlacementGroups;
  readonly linodes: Linodes;
  readonly balancers: Balancers;
  /** Tags made by themselves, without a thing that has them. */
  readonly bareTags = new Set<string>();

  constructor(options: AccountOptions) {
    this.options = options;
    this.world = options.world;
    this.network = options.world.network;
    this.now = options.now;
    this.ledger = new Ledger(options.now);
    this.tokens = new Tokens(options.now);
    this.events = new EventLog(options.now);
    this.images = new Images(this);
    this.stackscripts = new StackScripts(this);
    this.vpcs = new Vpcs(this);
    this.firewalls = new Firewalls(this);
    this.placementGroups = new PlacementGroups(this);
    this.linodes = new Linodes(this);
    this.balancers = new Balancers(this);
  }

  /** A duration as it passes here, ms. */
  scaled(durationMs: number): number {
    return durationMs / this.world.timeFactor;
  }
}
