import { ApiProblem } from '../problem.ts';
import { instanceView, manualView, pauseView } from '../view.ts';
import { done, type HandlerDeps, type Handlers } from './handlers.ts';

type Acting =
  | 'pauseAll'
  | 'resumeAll'
  | 'pause'
  | 'resume'
  | 'scale'
  | 'approve'
  | 'unfreeze'
  | 'removeGroup'
  | 'drain'
  | 'protect'
  | 'standby'
  | 'replace'
  | 'forget'
  | 'adopt';

function msOf(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

export function actHandlers({ operations }: HandlerDeps): Handlers<Acting> {
  const shown = async (id: string) => ({ schema: 'drover.instance/v1' as const, ...instanceView(await operations.instance(id)) });
  return {
    pauseAll: async ({ for_s, reason }, { actor }) => ({
      schema: 'drover.paused/v1',
      group: null,
      pause: pauseView(await operations.pause(actor, null, msOf(for_s), reason)),
    }),
    resumeAll: async (_, { actor }) => {
      await operations.resume(actor, null);
      return done;
    },
    pause: async ({ group, for_s, reason }, { actor }) => ({
      schema: 'drover.paused/v1',
      group,
      pause: pauseView(await operations.pause(actor, group, msOf(for_s), reason)),
    }),
    resume: async ({ group }, { actor }) => {
      await operations.resume(actor, group);
      return done;
    },
    scale: async ({ group, kind, size, for_s, reason }, { actor }) => ({
      schema: 'drover.manual/v1',
      group,
      manual: (await operations.scale(actor, group, kind, size, msOf(for_s), reason)).map(manualView),
    }),
    approve: async ({ group, size, for_s }, { actor }) => {
      await operations.approve(actor, group, size, for_s * 1000);
      return done;
    },
    unfreeze: async ({ group }, { actor }) => {
      await operations.unfreeze(actor, group);
      return done;
    },
    removeGroup: async ({ group, drain, confirm }, { actor }) => {
      if (drain && confirm !== group) {
        throw new ApiProblem(409, 'unconfirmed', `This deletes the machines of ${group}: send its name as "confirm".`, {}, { confirm: [group] });
      }
      await operations.removeGroup(actor, group, drain);
      return done;
    },
    drain: async ({ instance, reason }, { actor }) => {
      await operations.drain(actor, instance, reason);
      return shown(instance);
    },
    protect: async ({ instance, on }, { actor }) => {
      await operations.protect(actor, instance, on);
      return shown(instance);
    },
    standby: async ({ instance, on }, { actor }) => {
      await operations.standby(actor, instance, on);
      return shown(instance);
    },
    replace: async ({ instance, reason }, { actor }) => {
      await operations.replace(actor, instance, reason);
      return shown(instance);
    },
    forget: async ({ instance }, { actor }) => {
      await operations.forget(actor, instance);
      return done;
    },
    adopt: async ({ group, machine }, { actor }) => ({ schema: 'drover.instance/v1', ...instanceView(await operations.adopt(actor, group, machine)) }),
  };
}
