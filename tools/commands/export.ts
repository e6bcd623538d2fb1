import { Command } from "commander";
export const exportCommand = () => new Command("export");
