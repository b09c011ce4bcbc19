using System.Security.Cryptography;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>A real sshd behind a TCP pipe.</summary>
[Trait("Requirement", "3.4")]
public sealed class SshTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-ssh-");
    private RealProcess? _sshd;
    private RealService? _service;

    private string Key => Path.Combine(_folder.FullName, "user");

    private int Port => _service!.TcpPorts.First;

    public async Task InitializeAsync()
    {
        await KeyAsync("host");
        await KeyAsync("user");
        File.Copy(Key + ".pub", Path.Combine(_folder.FullName, "authorized"));
        if (Environment.IsPrivilegedProcess)
        {
            // sshd insists on it when it runs as root; where no init system started it, nobody has made it.
            Directory.CreateDirectory("/run/sshd");
        }

        var port = FreePorts.One();
        var configuration = Path.Combine(_folder.FullName, "sshd_config");
        await File.WriteAllTextAsync(configuration, $"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {_folder.FullName}/host
            AuthorizedKeysFile {_folder.FullName}/authorized
            PidFile {_folder.FullName}/pid
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            Subsystem sftp internal-sftp

            """);
        _sshd = RealProcess.Start(ProcessTools.Sshd, ["-D", "-e", "-f", configuration]);
        await _sshd.LineAsync("Server listening on");
        _service = await RealService.StartAsync();
        var tcp = _service.Cli("todd", "tcp", $"localhost:{port}", "--port", $"{Port}");
        await tcp.LineAsync("ready ");
    }

    public async Task DisposeAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }

        if (_sshd is not null)
        {
            await _sshd.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Ssh_runs_a_command_and_scp_copies_100_MB_both_ways()
    {
        await using var ssh = RealProcess.Start(ProcessTools.Find("ssh"), [.. Options("-p"), $"{Environment.UserName}@127.0.0.1", "echo", "hello", "through", "the", "pipe"]);
        (await ssh.ExitAsync()).Should().Be(0, $"{ssh.Output}\n{_sshd!.Output}");
        ssh.Output.Should().Contain("hello through the pipe");

        var original = new byte[100 * 1024 * 1024];
        new Random(5).NextBytes(original);
        await File.WriteAllBytesAsync(In("original"), original);
        await CopyAsync(In("original"), $"{Environment.UserName}@127.0.0.1:{In("there")}");
        await CopyAsync($"{Environment.UserName}@127.0.0.1:{In("there")}", In("back"));

        Hash(In("there")).Should().Be(Convert.ToHexString(SHA256.HashData(original)));
        Hash(In("back")).Should().Be(Hash(In("there")));
    }

    private static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexString(SHA256.HashData(stream));
    }

    private async Task CopyAsync(string from, string to)
    {
        await using var scp = RealProcess.Start(ProcessTools.Find("scp"), [.. Options("-P"), from, to]);
        (await scp.ExitAsync(TestTimeout.Long)).Should().Be(0, $"{scp.Output}\n{_sshd!.Output}");
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);

    private string[] Options(string port) =>
    [
        "-F", "/dev/null", port, $"{Port}", "-i", Key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
    ];

    private async Task KeyAsync(string name)
    {
        await using var keygen = RealProcess.Start(ProcessTools.Find("ssh-keygen"), ["-q", "-t", "ed25519", "-N", "", "-f", In(name)]);
        (await keygen.ExitAsync()).Should().Be(0, keygen.Output);
    }
}
