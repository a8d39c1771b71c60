/** Texts of the frame: navigation, list, palette, status line. */
export const desk = {
  close: 'Close',
  cancel: 'Cancel',
  done: 'Done',
  undo: 'Undo',
  'undo.nothing': 'There is nothing to undo.',
  'undo.done': 'Undone.',
  'failed.unexpectedly': 'Something went wrong in the desk. Try again; if it stays, restart Workbin.',
} as const
