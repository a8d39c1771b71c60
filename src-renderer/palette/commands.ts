import Archive from '@lucide/svelte/icons/archive'
import CheckCheck from '@lucide/svelte/icons/check-check'
import CircleQuestionMark from '@lucide/svelte/icons/circle-question-mark'
import FilePen from '@lucide/svelte/icons/file-pen'
import FolderInput from '@lucide/svelte/icons/folder-input'
import Forward from '@lucide/svelte/icons/forward'
import Hand from '@lucide/svelte/icons/hand'
import Import from '@lucide/svelte/icons/import'
import Inbox from '@lucide/svelte/icons/inbox'
import Layers from '@lucide/svelte/icons/layers'
import Mailbox from '@lucide/svelte/icons/mailbox'
import Mail from '@lucide/svelte/icons/mail'
import PanelTop from '@lucide/svelte/icons/panel-top'
import PanelRight from '@lucide/svelte/icons/panel-right'
import Reply from '@lucide/svelte/icons/reply'
import ReplyAll from '@lucide/svelte/icons/reply-all'
import Search from '@lucide/svelte/icons/search'
import Send from '@lucide/svelte/icons/send'
import MessageSquareReply from '@lucide/svelte/icons/message-square-reply'
import Settings from '@lucide/svelte/icons/settings'
import SquarePen from '@lucide/svelte/icons/square-pen'
import Undo from '@lucide/svelte/icons/undo-2'
import UserCheck from '@lucide/svelte/icons/user-check'
import type { View } from '../../src-main/contract/domain.ts'
import type { Desk } from '../state/desk.svelte.ts'
import { viewName } from '../state/work.svelte.ts'
import { t } from '../texts/texts.ts'
import type { Command } from './shortcuts.ts'

/** Everything the desk can do now, with its keys. `act` does what belongs to the page alone. */
export function commandsOf(
  desk: Desk,
  act: { focusSearch(): void; toggleSide(): void; back(): void },
): readonly Command[] {
  const { work, list, remotes } = desk
  const { mailboxes } = remotes
  const webForms = remotes.senders('gms-email')
  const onDesk = () => desk.screen === 'desk' && desk.overview?.first_run === false
  const anywhere = () => desk.overview?.first_run === false
  const go = (id: string, view: View, icon: Command['icon'], key: string | null): Command => ({
    id,
    group: 'go',
    label: viewName(view, desk.overview?.queues ?? []),
    ...(icon ? { icon } : {}),
    ...(key ? { keys: [key] } : {}),
    run: () => desk.navigate(view),
  })
  const mine = (workbin: 'in-progress' | 'drafts' | 'review'): View => ({
    kind: 'workbin',
    workbin,
    team: false,
  })

  return [
    {
      id: 'accept',
      group: 'work',
      label: t('accept'),
      icon: Hand,
      keys: ['p'],
      enabled: () => work.can('accept'),
      run: () => void work.accept(),
    },
    {
      id: 'mark-done',
      group: 'work',
      label: t('mark.done'),
      icon: CheckCheck,
      keys: ['e'],
      enabled: () => work.can('mark-done'),
      run: () => work.askDone(),
    },
    {
      id: 'move',
      group: 'work',
      label: t('move'),
      icon: FolderInput,
      keys: ['m'],
      enabled: () => work.can('move'),
      run: () => work.ask('move'),
    },
    {
      id: 'release',
      group: 'work',
      label: t('release'),
      icon: Archive,
      keys: ['Shift+p'],
      enabled: () => work.can('release'),
      run: () => void work.release(),
    },
    {
      id: 'mark-unread',
      group: 'work',
      label: t('mark.unread'),
      icon: Mail,
      keys: ['u'],
      enabled: () => work.can('mark-unread'),
      run: () => void work.markUnread(),
    },
    {
      id: 'undo',
      group: 'work',
      label: t('undo.last'),
      icon: Undo,
      keys: ['z', '$mod+z'],
      run: () => void desk.undo(),
    },
    {
      id: 'reply',
      group: 'write',
      label: t('reply'),
      icon: Reply,
      keys: ['r'],
      enabled: () => onDesk() && !work.selecting && work.can('reply'),
      run: () => work.compose('reply'),
    },
    {
      id: 'reply-all',
      group: 'write',
      label: t('reply.all'),
      icon: ReplyAll,
      keys: ['a'],
      enabled: () => onDesk() && !work.selecting && work.can('reply-all'),
      run: () => work.compose('reply-all'),
    },
    {
      id: 'forward',
      group: 'write',
      label: t('forward'),
      icon: Forward,
      keys: ['f'],
      enabled: () => onDesk() && !work.selecting && work.can('forward'),
      run: () => work.compose('forward'),
    },
    {
      id: 'new',
      group: 'write',
      label: t('new.mail'),
      icon: SquarePen,
      keys: ['c'],
      enabled: onDesk,
      run: () => work.compose('new'),
    },
    ...(remotes.senders('activity-response').length > 0
      ? [
          {
            id: 'activity',
            group: 'write',
            label: t('activity.command'),
            icon: MessageSquareReply,
            enabled: anywhere,
            run: () => work.ask('activity'),
          } satisfies Command,
        ]
      : []),
    ...webForms.map(({ id }): Command => ({
      id: `webform-${id}`,
      group: 'write',
      label: webForms.length === 1 ? t('webform.command') : t('webform.commandOf', { name: id }),
      icon: PanelTop,
      enabled: anywhere,
      run: () => void desk.compose.openRemote(id, { kind: 'gms-email' }),
    })),
    {
      id: 'next',
      group: 'go',
      label: t('next'),
      keys: ['j'],
      keyOnly: true,
      enabled: onDesk,
      run: () => work.step(1),
    },
    {
      id: 'previous',
      group: 'go',
      label: t('previous'),
      keys: ['k'],
      keyOnly: true,
      enabled: onDesk,
      run: () => work.step(-1),
    },
    {
      id: 'select',
      group: 'go',
      label: t('select'),
      keys: ['x'],
      keyOnly: true,
      enabled: () => onDesk() && list.cursor !== null,
      run: () => {
        if (list.cursor !== null) list.toggle(list.cursor)
      },
    },
    {
      id: 'select-more',
      group: 'go',
      label: t('select.more'),
      keys: ['Shift+j'],
      keyOnly: true,
      enabled: onDesk,
      run: () => work.step(1, true),
    },
    {
      id: 'select-more-up',
      group: 'go',
      label: t('select.more.up'),
      keys: ['Shift+k'],
      keyOnly: true,
      enabled: onDesk,
      run: () => work.step(-1, true),
    },
    {
      id: 'search',
      group: 'go',
      label: t('search'),
      icon: Search,
      keys: ['[Shift]+/'],
      run: () => act.focusSearch(),
    },
    go('in-progress', mine('in-progress'), UserCheck, 'g i'),
    go('drafts', mine('drafts'), FilePen, 'g d'),
    go('review', mine('review'), UserCheck, 'g v'),
    go('outbox', { kind: 'outbox' }, Send, 'g o'),
    go('done', { kind: 'done' }, CheckCheck, 'g e'),
    go('all', { kind: 'all' }, Layers, 'g a'),
    ...(desk.overview?.queues ?? []).map((queue, index) =>
      go(
        `queue-${queue.id}`,
        { kind: 'queue', queue_id: queue.id },
        Inbox,
        index < 9 ? `g ${index + 1}` : null,
      ),
    ),
    ...mailboxes.map(({ id }, index): Command => ({
      id: `mailbox-${id}`,
      group: 'go',
      label: mailboxes.length === 1 ? t('mailbox.command') : t('mailbox.commandOf', { name: id }),
      icon: Mailbox,
      ...(index === 0 ? { keys: ['g m'] } : {}),
      run: () => desk.openMailbox(id),
    })),
    {
      id: 'back',
      group: 'desk',
      label: t('help.back'),
      keys: ['Escape'],
      keyOnly: true,
      run: () => act.back(),
    },
    {
      id: 'palette',
      group: 'desk',
      label: t('palette'),
      keys: ['$mod+k'],
      whileTyping: true,
      keyOnly: true,
      run: () => work.ask(work.asking === 'palette' ? null : 'palette'),
    },
    {
      id: 'side',
      group: 'desk',
      label: t('side.toggle'),
      icon: PanelRight,
      keys: ['[Shift]+]'],
      enabled: onDesk,
      run: () => act.toggleSide(),
    },
    {
      id: 'import',
      group: 'desk',
      label: t('import.title'),
      icon: Import,
      enabled: () => desk.overview?.sample === false,
      run: () => work.ask('import'),
    },
    {
      id: 'settings',
      group: 'desk',
      label: t('settings'),
      icon: Settings,
      keys: ['g s'],
      run: () => desk.openSettings(),
    },
    {
      id: 'help',
      group: 'desk',
      label: t('help'),
      icon: CircleQuestionMark,
      keys: ['[Shift]+?'],
      run: () => work.ask('help'),
    },
  ]
}
