// An OpenID provider that somebody else wrote, with its own sign-in and consent pages. PORT, REDIRECT and SECRET come from the environment.
import Provider from "oidc-provider";

const issuer = `http://127.0.0.1:${process.env.PORT}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: "duplexity",
    client_secret: process.env.SECRET,
    redirect_uris: [process.env.REDIRECT],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  }],
  claims: { openid: ["sub"] },
  // A refresh token without asking for offline_access in a prompt of its own.
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
});
provider.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
