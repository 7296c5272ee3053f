"""Figures for papers and pages: drawn without a display, readable in print, told apart by colour-blind readers too."""
