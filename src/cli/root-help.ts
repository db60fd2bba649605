/** The first screen. Loads nothing: it must be there at once. */
export const ROOT_HELP = `drover keeps groups of machines at the size their load needs.

  Try it     drover demo            a live demo on this machine, nothing to set up
  Start      drover init            look around, write drover.yaml
             drover plan            what would change
             drover serve           run it
  Look       drover status          every group on one screen
             drover why web         the last decision, line by line
  Act        drover pause web       hold still for 2 h
             drover scale web 6 --for 1h
  Repair     drover doctor          check the file, clouds, balancers, metrics

Usage: drover COMMAND [options]      drover help COMMAND      All commands: drover help --all
`;
