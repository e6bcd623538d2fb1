import { Command } from "commander";
export const convertCommand = () => new Command("convert");
