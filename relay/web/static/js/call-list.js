(() => {
  "use strict";
  const sealed = JSON.parse(document.getElementById("sealed").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const said = document.getElementById("said");
  const open = async (passphrase) => {
    const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase), "PBKDF2", false, ["deriveKey"]);
    const way = { name: "PBKDF2", hash: "SHA-256", salt: bytes(sealed.salt), iterations: sealed.rounds };
    const key = await crypto.subtle.deriveKey(way, typed, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    return crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(sealed.nonce) }, key, bytes(sealed.content));
  };
  document.getElementById("open").addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = said.dataset.wait;
    try {
      const content = await open(document.getElementById("passphrase").value);
      document.getElementById("list").innerHTML = new TextDecoder().decode(content);
      document.getElementById("open").hidden = true;
      said.textContent = "";
    } catch {
      said.textContent = said.dataset.wrong;
    }
  });
})();
