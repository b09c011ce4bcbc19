return await Duplexity.Host.HostProgram.RunAsync(args);
