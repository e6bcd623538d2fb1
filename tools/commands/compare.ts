import { Command } from "commander";
export const compareCommand = () => new Command("compare");
